// A node of each engine on each broker, with a channel's own URL to ask, as it is or through a cache: what the suites of that have in common.

import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type GetAnswer, type GetOptions, get } from '../support/http-get.js';
import { cacheSkipReason, type NginxCache, startNginxCache } from '../support/nginx-cache.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';
import { freePort, privateHost, type RedisServer, startRedis } from '../support/redis.js';

export const NAMESPACES = {
  default: { historySize: 1_000 },
  few: { historySize: 3 },
  pub: { public: true, historySize: 1_000 },
};
const namespaces = new Namespaces(NAMESPACES);
const KINDS = ['memory', 'redis'] as const;

export interface Cell {
  readonly engine: 'uws' | 'ws';
  readonly kind: (typeof KINDS)[number];
  /** How it is asked; without one, directly. */
  readonly road?: 'direct' | 'nginx';
}

export const CELLS: readonly Cell[] = (['uws', 'ws'] as const).flatMap((engine) =>
  KINDS.map((kind) => ({ engine, kind })),
);

/** Every cell, asked directly and, where it is installed, through nginx as `deploy/nginx-cache.conf` has it. */
export const ROADS: readonly (Cell & { readonly road: 'direct' | 'nginx' })[] = CELLS.flatMap((cell) => [
  { ...cell, road: 'direct' as const },
  ...(cacheSkipReason === undefined ? [{ ...cell, road: 'nginx' as const }] : []),
]);

/** Another node before each test, and what is asked of it. Call it where a suite describes a cell. */
export class ChannelWorld {
  readonly #cell: Cell;
  readonly #setup: Partial<TestNodeSetup>;
  #redis: RedisServer | undefined;
  #cache: NginxCache | undefined;
  /** Of all nodes, where a cache stands before them. */
  #address = { host: '127.0.0.1', port: 0 };
  #node: TestNode | undefined;
  #opened: { close(): void }[] = [];

  /** `setup` is that of every node here. */
  constructor(cell: Cell, setup: Partial<TestNodeSetup> = {}) {
    this.#cell = cell;
    this.#setup = setup;
    beforeAll(async () => {
      if (cell.kind === 'redis') this.#redis = await startRedis();
      if (cell.road !== 'nginx') return;
      const host = privateHost();
      this.#address = { host, port: await freePort(host) };
      this.#cache = await startNginxCache(`http://${host}:${this.#address.port}`);
    });
    afterAll(async () => {
      await this.#cache?.close();
      await this.#redis?.stop();
    });
    beforeEach(async () => {
      await this.#redis?.admin.flushall();
      await this.forget();
      await this.restart();
    });
    afterEach(() => this.#end());
  }

  get node(): TestNode {
    if (this.#node === undefined) throw new TypeError('no node runs');
    return this.#node;
  }

  /** Where its channels are read: the node, or the cache before it. */
  get url(): string {
    return this.#cache?.url ?? this.node.url;
  }

  /** Whatever is kept on the way would be gone by itself in a second. */
  async forget(): Promise<void> {
    await this.#cache?.forget();
  }

  /** Begins again, on another node. */
  async restart(setup: Partial<TestNodeSetup> = {}): Promise<void> {
    await this.#end();
    const { engine } = this.#cell;
    const merged = { engine, broker: this.#broker(), namespaces: NAMESPACES, ...this.#setup, ...setup };
    const options = { trustedProxies: ['127.0.0.0/8'], ...merged.options, ...this.#address };
    this.#node = await startNode({ ...merged, options });
  }

  /** With a ticket that may read everything. */
  read(path: string, options: GetOptions = {}): Promise<GetAnswer> {
    return get(this.url, `/v1/channels/${path}`, { ticket: this.node.ticket(), ...options });
  }

  /** Without one. */
  publicly(path: string, headers: Readonly<Record<string, string>> = {}): Promise<GetAnswer> {
    return get(this.url, `/v1/channels/${path}`, { headers });
  }

  /** Answers the offsets. */
  async publish(channel: string, ...data: readonly string[]): Promise<readonly string[]> {
    const offsets: string[] = [];
    for (const one of data) offsets.push(await this.node.broker.publish({ channel, data: one }));
    return offsets;
  }

  /** Is closed with the node. */
  keep<T extends { close(): void }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  async #end(): Promise<void> {
    for (const one of this.#opened) one.close();
    this.#opened = [];
    await this.#node?.close();
    this.#node = undefined;
  }

  #broker(): Broker {
    if (this.#redis === undefined) return createMemoryBroker({ namespaces });
    return createRedisBroker({ url: this.#redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  }
}
