// Publishes that are acknowledged once replicas have them: which master each goes to, and how many may wait.

import type { Cluster, Redis } from 'ioredis';
import { monotonicNowMs } from '../../lib/clocks.js';
import type { Logger } from '../../lib/logger.js';
import { createDurableClient } from './clients.js';
import { slotOf } from './cluster-slot.js';
import type { RedisConnection } from './connection.js';
import type { DurableCall } from './durable-batch.js';
import { DurableShard } from './durable-shard.js';
import { toFanfareError, unavailableError } from './errors.js';
import { tellStrays } from './stray-replies.js';
import type { RedisUrl } from './url.js';

/** Chosen: publishes that wait for replicas, and their bytes; while replicas hang, each waits for seconds. */
const MAX_WAITING = 2_000;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Chosen: a slot that moves is found at the first or the second. */
const MAX_REDIRECTIONS = 5;
/** The key of the one shard there is without a Cluster. */
const ALONE = '';

export interface DurablePublisherOptions {
  readonly url: RedisUrl;
  /** The caller's to start and close. */
  readonly connection: Pick<RedisConnection, 'names' | 'cluster' | 'assertReady' | 'loadLibrary'>;
  readonly logger: Logger;
}

export interface DurablePublish {
  readonly channel: string;
  /** As the function declares them. */
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  /** At least 1. */
  readonly replicas: number;
}

/** Connects to a master at the first publish that is for it. */
export class DurablePublisher {
  readonly #options: DurablePublisherOptions;
  readonly #cluster: Cluster | undefined;
  /** By the master's host:port. */
  readonly #shards = new Map<string, DurableShard>();
  readonly #retiring = new Set<DurableShard>();
  readonly #onRefresh = () => this.#align();
  #waiting = 0;
  #waitingBytes = 0;
  #closed = false;

  constructor(options: DurablePublisherOptions) {
    this.#options = options;
    this.#cluster = options.connection.cluster;
    this.#cluster?.on('refresh', this.#onRefresh);
  }

  /**
   * Resolves with the offset when that many replicas have the message. Rejects with `replicas_unavailable` or
   * `broker_unavailable` when nothing was written, and with `ack_timeout` when it was, or may have been.
   */
  async publish({ channel, keys, args, replicas }: DurablePublish): Promise<string> {
    const { connection } = this.#options;
    connection.assertReady();
    const bytes = args.reduce((sum, arg) => sum + arg.length, 0);
    if (this.#waiting >= MAX_WAITING || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      throw unavailableError('too many publishes wait for replicas');
    }
    this.#waiting++;
    this.#waitingBytes += bytes;
    try {
      return await new Promise((resolve, reject) => {
        const fcall = [`${connection.names.library}_publish`, keys.length, ...keys, ...args];
        const state = { queuedAtMs: monotonicNowMs(), tries: 0, asking: false };
        this.#send({ args: fcall, bytes, replicas, ...state, resolve, reject }, this.#masterOf(channel));
      });
    } finally {
      this.#waiting--;
      this.#waitingBytes -= bytes;
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cluster?.off('refresh', this.#onRefresh);
    await Promise.all([...this.#shards.values(), ...this.#retiring].map((shard) => shard.close()));
    this.#shards.clear();
  }

  #masterOf(channel: string): string | undefined {
    return this.#cluster === undefined ? ALONE : this.#cluster.slots[slotOf(channel)]?.[0];
  }

  #send(call: DurableCall, master: string | undefined): void {
    if (this.#closed) return call.reject(unavailableError('the broker is closed'));
    if (master === undefined) return call.reject(unavailableError('the Redis Cluster does not serve this slot'));
    let shard = this.#shards.get(master);
    if (shard === undefined) {
      shard = this.#open(master);
      this.#shards.set(master, shard);
    }
    shard.push(call);
  }

  #open(master: string): DurableShard {
    const { url, connection, logger } = this.#options;
    const colon = master.lastIndexOf(':');
    const address = { host: master.slice(0, colon), port: Number(master.slice(colon + 1)) };
    const client = createDurableClient(url, connection.names.prefix, master === ALONE ? undefined : address);
    tellStrays(client, logger);
    return new DurableShard({
      client,
      loadLibrary: (at) => connection.loadLibrary(at),
      redirect: (call, error) => this.#redirect(call, error),
      demoted: () => this.#demoted(client),
    });
  }

  /** As `MOVED 3999 127.0.0.1:6381` says. */
  #redirect(call: DurableCall, error: Error): void {
    const [, kind, master] = /^(MOVED|ASK) \d+ ([^ :].*:\d+)$/.exec(error.message) ?? [];
    if (this.#cluster === undefined || master === undefined || ++call.tries > MAX_REDIRECTIONS) {
      return call.reject(toFanfareError(error, 'write'));
    }
    if (kind === 'MOVED') this.#cluster.refreshSlotsCache();
    call.asking = kind === 'ASK';
    this.#send(call, master);
  }

  #demoted(client: Redis): void {
    // Behind Sentinel the next connection asks who the master is.
    if (this.#cluster === undefined) client.disconnect(true);
    else this.#cluster.refreshSlotsCache();
  }

  /** Closes the connections to those that are masters no longer. */
  #align(): void {
    const masters = new Set(this.#cluster?.slots.map((servers) => servers?.[0]));
    for (const [key, shard] of this.#shards) {
      if (masters.has(key)) continue;
      this.#shards.delete(key);
      this.#retiring.add(shard);
      void shard.retire().finally(() => this.#retiring.delete(shard));
    }
  }
}
