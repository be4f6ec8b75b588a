// Hears of writes to one key from Redis, which tells clients that track it; so nobody has to look at it again and again.

import type { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.js';
import { closeClient, createWatchClient } from './clients.js';
import { reasonOf } from './server-words.js';
import { tellStrays } from './stray-replies.js';
import { parseRedisUrl, type RedisUrl } from './url.js';

/** Specified by Redis: where a client of RESP2 is told which keys were written. */
const INVALIDATIONS = '__redis__:invalidate';

export interface KeyWatchOptions {
  readonly url: RedisUrl;
  readonly prefix: string;
  readonly key: string;
  readonly logger: Logger;
}

/**
 * A connection of its own, made anew whenever it is lost. Where Redis is a Cluster there is none, and where the user may not, none
 * is tried again.
 */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #key: Buffer;
  readonly #isPossible: boolean;
  #client: Redis | undefined;
  #stands = false;

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    this.#key = Buffer.from(options.key);
    this.#isPossible = parseRedisUrl(options.url).kind !== 'cluster';
  }

  /** Whether every write is told. */
  get stands(): boolean {
    return this.#stands;
  }

  /** Calls `written` after each write to the key, and once whenever the watch begins to stand. Does nothing where it has begun. */
  start(written: () => void): void {
    if (!this.#isPossible || this.#client !== undefined) return;
    const client = createWatchClient(this.#options.url, this.#options.prefix);
    this.#client = client;
    tellStrays(client, this.#options.logger);
    client.on('messageBuffer', (_: Buffer, keys: unknown) => {
      // No list of keys: all of them went at once.
      if (!Array.isArray(keys) || keys.some((key) => Buffer.isBuffer(key) && key.equals(this.#key))) written();
    });
    client.on('ready', () => void this.#track(client, written));
    client.on('close', () => {
      this.#stands = false;
    });
    client.on('error', () => {
      // Told by the 'close' that follows, and tried again by ioredis.
    });
    client.connect().catch(() => {
      // As above.
    });
  }

  /** Resolves when the socket is gone. Idempotent. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#stands = false;
    if (client !== undefined) await closeClient(client);
  }

  async #track(client: Redis, written: () => void): Promise<void> {
    try {
      // What it tracks comes to its own subscription.
      const id = await client.client('ID');
      await client.client('TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', this.#options.key);
      await client.subscribe(INVALIDATIONS);
    } catch (error) {
      // On a connection that stands it is a refusal; another one is tried on the next.
      if (client.status === 'ready' && this.#client === client) this.#giveUp(client, error);
      return;
    }
    if (this.#client !== client) return;
    this.#stands = true;
    written();
  }

  #giveUp(client: Redis, error: unknown): void {
    const { key, logger } = this.#options;
    logger.info(
      { key, reason: reasonOf(error) },
      'Redis does not tell of writes to the queue: it is looked at ten times a second',
    );
    void closeClient(client);
  }
}
