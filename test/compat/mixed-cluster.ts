// A cluster whose processes are of different builds, each of which can be replaced by one of another build at its address.

import { signToken } from '../../src/auth/token-signer.js';
import { ADMIN_KEY, AUTH_SECRET, CLUSTER_SECRET, EVERYTHING, PUBLISH_KEY } from '../support/cluster.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { privateHost, type RedisServer, startRedis } from '../support/redis.js';
import type { Build } from './baseline.js';

export const token = (subject: string) =>
  signToken({ secret: AUTH_SECRET, subject, grants: EVERYTHING, lifetimeMs: 3_600_000 });

export const WITH_ADMIN_KEY = { Authorization: `Bearer ${ADMIN_KEY}` };

export interface Member {
  readonly build: Build;
  readonly server: ServerProcess;
}

/** What a poll, a stream or a client is told of a place. */
export interface Assigned {
  readonly node: { readonly id: string; readonly url: string };
  readonly ticket: string;
}

export class MixedCluster {
  readonly redis: RedisServer;
  readonly nodes = new Map<string, Member>();
  readonly #env: Readonly<Record<string, string>>;
  readonly #discoveries = new Map<string, Member>();

  constructor(redis: RedisServer) {
    this.redis = redis;
    this.#env = {
      FANFARE_REDIS_URL: redis.url,
      FANFARE_PORT: '8080',
      FANFARE_AUTH_SECRET: AUTH_SECRET,
      FANFARE_CLUSTER_SECRET: CLUSTER_SECRET,
      FANFARE_ADMIN_KEY: ADMIN_KEY,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      FANFARE_NAMESPACES: '{"default":{"historySize":5000}}',
      FANFARE_LOG_LEVEL: 'warn',
    };
  }

  static async start(): Promise<MixedCluster> {
    return new MixedCluster(await startRedis());
  }

  /** Starts a node, or replaces the one with this id at its address, which drains first. */
  async node(id: string, build: Build, engine: 'uws' | 'ws' = 'ws'): Promise<ServerProcess> {
    const host = await hostOf(this.nodes.get(id));
    const env = { ...this.#env, FANFARE_HOST: host, FANFARE_NODE_ID: id, FANFARE_ENGINE: engine };
    const server = await startFanfare(['node'], { env, main: build.main });
    this.nodes.set(id, { build, server });
    return server;
  }

  /** The same of a discovery. */
  async discovery(name: string, build: Build): Promise<ServerProcess> {
    const host = await hostOf(this.#discoveries.get(name));
    const server = await startFanfare(['discovery'], { env: { ...this.#env, FANFARE_HOST: host }, main: build.main });
    this.#discoveries.set(name, { build, server });
    return server;
  }

  async assign(discovery: ServerProcess, user: string): Promise<Assigned> {
    const headers = { Authorization: `Bearer ${await token(user)}` };
    const response = await fetch(`${discovery.url}/v1/connect`, { method: 'POST', headers });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    return answer as Assigned;
  }

  /** The answer of a node to a publish with the publish key. */
  async publish(id: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const headers = { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' };
    const url = `${this.nodes.get(id)?.server.url}/v1/publish`;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, ...((await response.json()) as object) };
  }

  /** A figure of a node without `fanfare_`, all its labels together. */
  async metric(id: string, name: string): Promise<number> {
    const url = `${this.nodes.get(id)?.server.url}/metrics`;
    const page = await (await fetch(url, { headers: WITH_ADMIN_KEY })).text();
    const lines = page.matchAll(new RegExp(`^fanfare_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async close(): Promise<void> {
    const all = [...this.nodes.values(), ...this.#discoveries.values()];
    await Promise.all(all.map(({ server }) => server.stop()));
    await this.redis.stop();
  }
}

/** An address that nothing else has, so that whoever is replaced can have its port again. */
async function hostOf(before: Member | undefined): Promise<string> {
  if (before === undefined) return privateHost();
  const { code } = await before.server.stop();
  if (code !== 0) throw new Error(`${before.build.name} ended with ${code}`);
  return new URL(before.server.url).hostname;
}
