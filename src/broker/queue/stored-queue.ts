// The queue as it stands in Redis: read in parts, less what is dealt with, beside its dead letters.

import { FanfareError } from '../../lib/errors.js';
import type { RedisConnection } from '../redis/connection.js';
import { replyCode, toFanfareError } from '../redis/errors.js';
import { deadLetterOf, decodePage, type QueuedEntry, type QueuePage } from './ingest-entry.js';

/** Chosen: a part, which is all that is held in memory. */
export const BATCH_ENTRIES = 512;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Chosen: dead letters that there are at most; of the largest messages they are 64 MiB. */
const MAX_DEAD = 1_000;

/** The part of a connection that the queue goes through. */
export type QueueConnection = Pick<RedisConnection, 'prefix' | 'call' | 'callBuffer' | 'client' | 'assertReady'>;

export class StoredQueue {
  readonly name: string;
  readonly #connection: QueueConnection;
  readonly #maxMessageBytes: number;
  /** Dealt with, but still in the stream. */
  #finished: string[] = [];

  constructor(connection: QueueConnection, maxMessageBytes: number) {
    this.name = `${connection.prefix}:ingest`;
    this.#connection = connection;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Entries from the id `from` on, of all channels but those named. */
  readOthers(from: string, names: Iterable<string>): Promise<QueuePage> {
    return this.#read([BATCH_ENTRIES, BATCH_BYTES, this.#maxMessageBytes, from, 'skip', ...names]);
  }

  /** Entries from the id `from` on, of one channel. */
  readOne(from: string, name: string, maxEntries: number): Promise<QueuePage> {
    return this.#read([maxEntries, BATCH_BYTES, this.#maxMessageBytes, from, 'only', name]);
  }

  /** It is deleted with the next {@link deleteFinished}, and not read any more. */
  finish({ id }: QueuedEntry): void {
    this.#finished.push(id);
  }

  async deleteFinished(): Promise<void> {
    if (this.#finished.length === 0) return;
    this.#connection.assertReady();
    const ids = [...this.#finished];
    try {
      await this.#connection.client.xdel(this.name, ...ids);
    } catch (error) {
      throw toFanfareError(error, 'read');
    }
    this.#finished = this.#finished.slice(ids.length);
  }

  /** Keeps it as a dead letter. False where there is no room for another: none makes room for itself. */
  async bury(entry: QueuedEntry, reason: FanfareError): Promise<boolean> {
    this.#connection.assertReady();
    const letter = deadLetterOf(entry, reason);
    try {
      if ((await this.#countDead()) >= MAX_DEAD) return false;
      await this.#connection.client.xadd(`${this.name}:dead`, '*', ...letter);
      return true;
    } catch (error) {
      if (replyCode(error) === 'WRONGTYPE') {
        // It is none of the channel, whose entries wait for it.
        throw new FanfareError('internal', `${this.name}:dead holds another type than dead letters`, { cause: error });
      }
      throw toFanfareError(error, 'read');
    }
  }

  /** By what users of before were given a right to. */
  async #countDead(): Promise<number> {
    const info = await this.#connection.client.xinfo('STREAM', `${this.name}:dead`).catch((error: Error) => {
      if (/^ERR no such key/i.test(error.message)) return [];
      throw error;
    });
    const told: readonly unknown[] = Array.isArray(info) ? info : [];
    return Number(told[told.indexOf('length') + 1] ?? 0);
  }

  async #read(args: readonly (string | number)[]): Promise<QueuePage> {
    const page = decodePage(await this.#connection.callBuffer('read', 'ingest_next', [this.name], args));
    const finished = new Set(this.#finished);
    return { ...page, entries: page.entries.filter(({ id }) => !finished.has(id)) };
  }
}
