// The queue on a real Redis of its own, and drainers as nodes have them: for the tests of the queue.

import { expect } from 'vitest';
import type { Publication, PublishOutcome } from '../../src/broker/broker.js';
import { createIngest, type Ingest } from '../../src/broker/queue/ingest.js';
import { createRedisBroker, type RedisBusBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { KeyWatch } from '../../src/broker/redis/key-watch.js';
import { Namespaces } from '../../src/config/namespaces.js';
import type { FanfareError } from '../../src/lib/errors.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { dataOf, WHOLE_PAGE } from '../support/redis-broker.js';

export const QUEUE = 'fanfare:ingest';
export const DEAD = 'fanfare:ingest:dead';
export const LEASE = 'fanfare:ingest:lease';
const namespaces = new Namespaces({ default: { historySize: 10_000 } });

export interface TestDrainer {
  readonly ingest: Ingest;
  readonly broker: RedisBusBroker;
  readonly logger: RecordingLogger;
  /** How often it has tried to publish on a channel. */
  attempts(channel: string): number;
}

export class IngestWorld {
  readonly server: RedisServer;
  #broker: RedisBusBroker | undefined;
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async start(): Promise<IngestWorld> {
    // Persistent, so that a restart keeps what was acknowledged.
    const world = new IngestWorld(await startRedis({ args: ['--appendonly', 'yes'] }));
    ({ broker: world.#broker } = await world.drainer());
    return world;
  }

  /** Of a node that does not drain. */
  get broker(): RedisBusBroker {
    if (this.#broker === undefined) throw new Error('not started');
    return this.#broker;
  }

  /**
   * As a node has it: one connection for the broker and the drainer. It is not started. `hindered` may have a publish fail, or
   * wait, before it goes to the broker.
   */
  async drainer(hindered: (channel: string) => Promise<void> | undefined = () => undefined): Promise<TestDrainer> {
    const logger = new RecordingLogger();
    const options = { url: this.server.url, prefix: 'fanfare', namespaces, logger };
    const connection = new RedisConnection(options);
    const broker = createRedisBroker({ ...options, connection });
    await connection.start();
    await broker.start(new RecordingListener());
    const attempts = new Map<string, number>();
    const publishMany = async (all: readonly Publication[]): Promise<readonly PublishOutcome[]> => {
      for (const channel of new Set(all.map((one) => one.channel))) {
        attempts.set(channel, (attempts.get(channel) ?? 0) + 1);
      }
      try {
        for (const { channel } of all) await hindered(channel);
      } catch (error) {
        return all.map(() => ({ error: error as FanfareError }));
      }
      return broker.publishMany(all);
    };
    const watch = new KeyWatch({ ...options, key: QUEUE });
    const ingest = createIngest({ connection, publishMany, maxMessageBytes: 65_536, logger, watch });
    this.#closing.push(async () => {
      await ingest.close();
      await broker.close();
      await connection.close();
    });
    return { ingest, broker, logger, attempts: (channel) => attempts.get(channel) ?? 0 };
  }

  queue(...fields: (string | Buffer)[]): Promise<string | null> {
    return this.server.admin.xadd(QUEUE, '*', ...fields);
  }

  /** Entries numbered from `first`, over channels `c0` … in turn. */
  async queueMany(count: number, channels: number, first = 0): Promise<void> {
    const pipeline = this.server.admin.pipeline();
    for (let i = first; i < first + count; i++) {
      pipeline.xadd(QUEUE, '*', 'channel', `c${i % channels}`, 'data', `${i}`);
    }
    await pipeline.exec();
  }

  queued(): Promise<number> {
    return this.server.admin.xlen(QUEUE);
  }

  async drained(): Promise<void> {
    await expect.poll(() => this.queued()).toBe(0);
  }

  async published(channel: string): Promise<string[]> {
    const data: string[] = [];
    for (let after = '-1'; ; ) {
      const page = await this.broker.read(channel, after, WHOLE_PAGE);
      data.push(...dataOf(page));
      if (!page.more) return data;
      after = page.entries.at(-1)?.offset ?? after;
    }
  }

  /** What `queueMany` queued is published, each once and in order. */
  async expectAll(count: number, channels: number): Promise<void> {
    for (let c = 0; c < channels; c++) expect(await this.published(`c${c}`)).toEqual(numbers(count, channels, c));
  }

  async deadLetters(): Promise<Record<string, string>[]> {
    const entries = await this.server.admin.xrange(DEAD, '-', '+');
    return entries.map(([, fields]) => {
      const letter: Record<string, string> = {};
      for (let i = 0; i < fields.length; i += 2) letter[fields[i] ?? ''] = fields[i + 1] ?? '';
      return letter;
    });
  }

  /** A connection is told of writes to the queue. */
  async watched(): Promise<void> {
    await expect.poll(() => this.#trackers()).toBe(1);
  }

  async #trackers(): Promise<number> {
    const list = String(await this.server.admin.client('LIST'));
    return list.split('\n').filter((line) => / flags=[^ ]*B/.test(line) && / sub=1 /.test(line)).length;
  }

  /** What drainers ask Redis for until the lease was renewed so often: renewals, and looks at the queue. */
  async callsUntil(renewals: number): Promise<{ readonly holds: number; readonly looks: number }> {
    const monitor = await this.server.admin.duplicate().monitor();
    const calls = { holds: 0, looks: 0 };
    await new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, [command, name]: string[]) => {
        if (command?.toUpperCase() !== 'FCALL') return;
        if (name === 'fanfare_ingest_next') calls.looks++;
        if (name === 'fanfare_ingest_hold') calls.holds++;
        if (calls.holds === renewals) resolve();
      });
    });
    monitor.disconnect();
    return calls;
  }

  /** Calls of our library since the server began. */
  async functionCalls(): Promise<number> {
    return Number(/cmdstat_fcall:calls=(\d+)/.exec(await this.server.admin.info('commandstats'))?.[1] ?? 0);
  }

  async stop(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
    await this.server.stop();
  }
}

/** The numbers that `queueMany` put on a channel. */
function numbers(count: number, channels: number, channel: number): string[] {
  return Array.from({ length: count }, (_, i) => i)
    .filter((i) => i % channels === channel)
    .map(String);
}
