// Where the stranger's tests run: one real server per engine and broker, and the few requests that all of them make.

import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis.js';
import { BareSocket, makeToken, type NodeEvent } from './stranger-client.js';
import { type RunningServer, startServer } from './stranger-server.js';

export const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
export const OFFSET = /^\d{13}-\d{16}$/;
const PUBLISH_KEY = 'backend-key-of-the-stranger';
const NAMESPACES = '{"demo":{"public":true,"anonymous":true,"clientPublish":true}}';
const GRANTS = { subscribe: ['stranger-*'], publish: ['stranger-*'] };

export interface Discovered {
  readonly node: { readonly id: string; readonly url: string; readonly features: readonly string[] };
  readonly alternatives: readonly unknown[];
  readonly ticket: string;
  readonly expiresInMs: number;
  readonly transports: readonly string[];
  readonly connection: string;
  readonly user: string;
}
export interface PollAnswer {
  readonly channels: Readonly<
    Record<string, { offset: string; messages: { offset?: string; data: unknown; from?: unknown }[]; more?: true }>
  >;
}

/** Runs `tests` against `fanfare start` on every engine × every broker: the worlds side by side, the tests of each in turn. */
export function describeForStranger(title: string, tests: (world: World) => void): void {
  describe.concurrent.each([
    { engine: 'uws', broker: 'memory' },
    { engine: 'ws', broker: 'memory' },
    { engine: 'uws', broker: 'redis' },
    { engine: 'ws', broker: 'redis' },
  ])('with $engine and $broker', ({ engine, broker }) => {
    const world = new World(engine, broker === 'redis');
    beforeAll(() => world.start(), 30_000);
    afterAll(() => world?.stop());
    describe.sequential(title, () => tests(world));
  });
}

export class World {
  readonly engine: string;
  readonly hasRedis: boolean;
  #redis: RedisServer | undefined;
  #server: RunningServer | undefined;
  #names = 0;

  constructor(engine: string, hasRedis: boolean) {
    this.engine = engine;
    this.hasRedis = hasRedis;
  }

  async start(): Promise<void> {
    if (this.hasRedis) this.#redis = await startRedis();
    this.#server = await startServer('start', {
      FANFARE_ENGINE: this.engine,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
      FANFARE_NAMESPACES: NAMESPACES,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      ...(this.#redis !== undefined && { FANFARE_REDIS_URL: this.#redis.url }),
    });
  }
  async stop(): Promise<void> {
    await this.#server?.stop();
    await this.#redis?.stop();
  }

  get base(): string {
    return this.#server?.url ?? '';
  }
  readonly publishKey = PUBLISH_KEY;

  get redisUrl(): string {
    return this.#redis?.url ?? '';
  }

  /** A channel that no other test uses. */
  channel(): string {
    return `stranger-${++this.#names}`;
  }
  /** A token of a user of its own. */
  token(claims: object = {}): string {
    return makeToken(SECRET, { sub: `user-${++this.#names}`, fanfare: GRANTS, ...claims });
  }

  post(path: string, bearer: string, body: object, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.base}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal !== undefined && { signal }),
    });
  }

  /** PROTOCOL 7.1. */
  async discover(token = this.token()): Promise<Discovered> {
    const body = { exclude: ['n9'], transports: ['websocket', 'long-poll', 'pigeon'] };
    const response = await this.post('/v1/connect', token, body);
    expect(response.status).toBe(200);
    return (await response.json()) as Discovered;
  }

  async connected(token?: string): Promise<{ socket: BareSocket; connected: NodeEvent }> {
    const { node, ticket } = await this.discover(token);
    return BareSocket.connected(node.url, ticket);
  }

  /** Publishes by HTTP as a backend does; answers the offset. */
  async publish(channel: string, data: unknown): Promise<string> {
    const response = await this.post('/v1/publish', PUBLISH_KEY, { channel, data });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { channel: string; offset: string };
    expect(answer).toEqual({ channel, offset: expect.stringMatching(OFFSET) });
    return answer.offset;
  }
}
