// The subscriber connection to one master of a Redis Cluster: sharded subscriptions, and which of them Redis dropped.

import type { Redis } from 'ioredis';
import type { Logger } from '../lib/logger.js';
import { type ClusterAddress, closeClient, createShardClient } from './redis-clients.js';

/** Chosen: how often a silent connection must prove that it lives; ioredis makes it anew when no answer comes. */
const PING_MS = 5_000;

export interface ShardListener {
  payload(busName: string, payload: Buffer): void;
  /** The connection stands; nothing is subscribed on it. */
  up(): void;
  /** Every subscription on it is gone. */
  down(shard: RedisShard, reason: string): void;
  /** Redis has ended subscriptions of its own accord, as when their slot moves: see `standing`. */
  dropped(shard: RedisShard): void;
}

export interface ShardOptions {
  readonly url: string;
  readonly prefix: string;
  readonly address: ClusterAddress;
  readonly logger: Logger;
  readonly listener: ShardListener;
}

export class RedisShard {
  readonly #client: Redis;
  readonly #listener: ShardListener;
  readonly #logger: Logger;
  readonly #ping: NodeJS.Timeout;
  #check: NodeJS.Immediate | undefined;
  #closed = false;

  constructor({ url, prefix, address, logger, listener }: ShardOptions) {
    this.#logger = logger;
    this.#listener = listener;
    this.#client = createShardClient(url, prefix, address);
    this.#client.on('smessageBuffer', (busName: Buffer, payload: Buffer) => {
      listener.payload(busName.toString('latin1'), payload);
    });
    this.#client.on('ready', () => this.#tell(() => listener.up()));
    this.#client.on('close', () => this.#tell(() => listener.down(this, 'the connection is closed')));
    this.#client.on('error', (error: Error) => {
      if (this.#client.status !== 'ready') this.#tell(() => listener.down(this, error.message));
    });
    this.#client.on('moved', () => this.#scheduleCheck());
    this.#ping = setInterval(() => {
      if (this.ready) this.#client.ping().catch((error: Error) => logger.debug({ error }, 'no answer to a ping'));
    }, PING_MS);
    this.#client.connect().catch(() => {
      // Told by the 'error' event, and tried again by ioredis.
    });
  }

  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  /** Resolves when Redis has confirmed; rejects with its error, as MOVED where the slot is another master's. */
  async subscribe(busName: string): Promise<void> {
    await this.#client.ssubscribe(busName);
  }

  /** Nobody waits for it. */
  unsubscribe(busName: string): void {
    if (!this.ready) return;
    this.#client.sunsubscribe(busName).catch((error: Error) => {
      this.#logger.debug({ error }, 'an unsubscribe was not confirmed');
    });
  }

  /** The names that Redis has confirmed and not ended. */
  standing(): ReadonlySet<string> {
    const confirmed = this.#client.condition?.subscriber;
    return new Set(confirmed ? confirmed.channels('ssubscribe') : []);
  }

  /** Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ping);
    clearImmediate(this.#check);
    await closeClient(this.#client);
  }

  /** A slot that moves ends all its subscriptions in one go. */
  #scheduleCheck(): void {
    this.#check ??= setImmediate(() => {
      this.#check = undefined;
      this.#tell(() => this.#listener.dropped(this));
    });
  }

  #tell(event: () => void): void {
    if (!this.#closed) event();
  }
}
