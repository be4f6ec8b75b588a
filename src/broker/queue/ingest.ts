// Drains the queue `<prefix>:ingest` while it holds the lease: publishes each entry once, in order per channel.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { Retrier } from '../../lib/retrier.js';
import type { Code, Offset } from '../../protocol/index.js';
import type { Publication } from '../broker.js';
import type { RedisConnection } from '../redis/connection.js';
import { toFanfareError } from '../redis/errors.js';
import { deadLetterOf, decodeEntries, publicationOf, type QueuedEntry } from './ingest-entry.js';

/** Specified: how long after its holder's death another one takes over. */
const LEASE_MS = 5_000;
/** Chosen: the lease is renewed when it is this old, and not worked under once it is `LEASE_MS - LEASE_MARGIN_MS` old. */
const RENEW_MS = 1_000;
const LEASE_MARGIN_MS = 1_000;
/** Chosen: how often whoever waits for the lease asks for it, so how soon one that was handed over is taken. */
const WAIT_MS = 500;
/** Chosen: how often an empty queue is looked at; ten reads per second and cluster. */
const IDLE_MS = 100;
/** Chosen: pause after a step that failed. */
const FAILED_MS = 500;
/** Chosen: a batch, which is all that is held in memory. */
const BATCH_ENTRIES = 512;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Chosen: dead letters kept; of the largest messages they are 64 MiB. */
const MAX_DEAD = 1_000;
/** Chosen: attempts at what fails with `internal`, before it is a dead letter. */
const MAX_ATTEMPTS = 5;

/** What no attempt can mend. */
const WRONG: ReadonlySet<Code> = new Set<Code>([
  ...(['bad_field', 'bad_channel_name', 'bad_idempotency_key'] as const),
  ...(['payload_too_large', 'idempotency_conflict'] as const),
]);

export interface IngestOptions {
  /** The caller's to start and close; open for longer than the drainer. */
  readonly connection: Pick<RedisConnection, 'prefix' | 'call' | 'callBuffer' | 'client' | 'assertReady'>;
  /** `Broker.publish`. */
  publish(publication: Publication): Promise<Offset>;
  readonly maxMessageBytes: number;
  readonly logger: Logger;
}

/** Drains the queue, or waits until it may. While Redis is away it tries again, and nothing is lost. */
export interface Ingest {
  /** Does nothing once it is closed. */
  start(): void;
  /** `ingested` and `ingestDead` count entries, `ingestHolder` is 1 while this one drains. */
  stats(): { readonly ingested: number; readonly ingestDead: number; readonly ingestHolder: 0 | 1 };
  /** Ends the work under way and hands the lease over. Idempotent; never rejects. */
  close(): Promise<void>;
}

export function createIngest(options: IngestOptions): Ingest {
  return new Drainer(options);
}

class Drainer implements Ingest {
  readonly #options: IngestOptions;
  readonly #queue: string;
  /** Names the process too, for the operator who looks at the lease. */
  readonly #holder = `${hostname()} ${process.pid} ${randomUUID()}`;
  readonly #retrier: Retrier;
  /** Dealt with, but still in the queue. */
  #finished: string[] = [];
  #ingested = 0;
  #dead = 0;
  /** When the lease was asked for that we have, in `performance.now()`; it goes on while the process is stopped. */
  #heldSinceMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** The code of the failure that the log was told of. */
  #told: Code | undefined;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#queue = `${options.connection.prefix}:ingest`;
    this.#retrier = new Retrier({
      firstPauseMs: 50,
      longestPauseMs: 1_000,
      onFailure: (error) => this.#failed(error),
    });
  }

  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  stats() {
    const ingestHolder = this.#mayWork() ? 1 : 0;
    return { ingested: this.#ingested, ingestDead: this.#dead, ingestHolder } as const;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    this.#retrier.retryNow();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const pauseMs = await this.#step().catch((error: unknown) => {
        this.#failed(error);
        return FAILED_MS;
      });
      if (pauseMs > 0 && !this.#closed) await this.#pause(pauseMs);
    }
    await this.#handOver().catch((error: unknown) => this.#failed(error));
  }

  /** One look at the lease and one batch; answers the pause before the next. */
  async #step(): Promise<number> {
    await this.#deleteFinished();
    const waitMs = await this.#hold();
    if (waitMs > 0) return Math.min(waitMs, WAIT_MS);
    const { connection, maxMessageBytes } = this.#options;
    const limits = [BATCH_ENTRIES, BATCH_BYTES, maxMessageBytes];
    const entries = decodeEntries(await connection.callBuffer('read', 'ingest_read', [this.#queue], limits));
    this.#succeeded();
    if (entries.length === 0) return IDLE_MS;
    await Promise.all([...byChannel(entries)].map((chain) => this.#settleInOrder(chain)));
    await this.#deleteFinished();
    return 0;
  }

  /** Takes or renews the lease; answers 0, or for how long another one has it. */
  async #hold(): Promise<number> {
    const askedAtMs = performance.now();
    if (askedAtMs - this.#heldSinceMs < RENEW_MS) return 0;
    const answer = await this.#options.connection.call('read', 'ingest_hold', this.#lease(), [this.#holder, LEASE_MS]);
    const waitMs = Number(answer);
    this.#heldSinceMs = waitMs === 0 ? askedAtMs : Number.NEGATIVE_INFINITY;
    return waitMs;
  }

  async #handOver(): Promise<void> {
    this.#heldSinceMs = Number.NEGATIVE_INFINITY;
    await this.#deleteFinished();
    await this.#options.connection.call('read', 'ingest_release', this.#lease(), [this.#holder]);
  }

  /** Without the lease, whoever has it now publishes the rest: what both publish is stored once, by its key. */
  async #settleInOrder(chain: readonly QueuedEntry[]): Promise<void> {
    const isOver = () => this.#closed || !this.#mayWork();
    for (const entry of chain) {
      let attempts = 0;
      await this.#retrier.persist(() => this.#settle(entry, ++attempts), isOver);
      if (isOver()) return;
    }
  }

  /** Throws what may succeed later. */
  async #settle(entry: QueuedEntry, attempt: number): Promise<void> {
    const { publish, maxMessageBytes } = this.#options;
    try {
      await publish(publicationOf(entry, maxMessageBytes));
      this.#ingested++;
    } catch (error) {
      if (!(error instanceof FanfareError)) throw error;
      const hopeless = WRONG.has(error.code) || (error.code === 'internal' && attempt >= MAX_ATTEMPTS);
      if (!hopeless) throw error;
      await this.#bury(entry, error);
    }
    this.#finished.push(entry.id);
  }

  async #bury(entry: QueuedEntry, error: FanfareError): Promise<void> {
    const { connection, logger } = this.#options;
    connection.assertReady();
    try {
      await connection.client.xadd(`${this.#queue}:dead`, 'MAXLEN', MAX_DEAD, '*', ...deadLetterOf(entry, error));
    } catch (cause) {
      throw toFanfareError(cause, 'read');
    }
    this.#dead++;
    logger.warn({ id: entry.id, code: error.code, reason: error.message }, 'a queued message is now a dead letter');
  }

  async #deleteFinished(): Promise<void> {
    if (this.#finished.length === 0) return;
    const { connection } = this.#options;
    connection.assertReady();
    const ids = [...this.#finished];
    try {
      await connection.client.xdel(this.#queue, ...ids);
    } catch (error) {
      throw toFanfareError(error, 'read');
    }
    this.#finished = this.#finished.slice(ids.length);
  }

  #mayWork(): boolean {
    return performance.now() - this.#heldSinceMs < LEASE_MS - LEASE_MARGIN_MS;
  }

  #lease(): [string] {
    return [`${this.#queue}:lease`];
  }

  /** Once a failure, however many entries and attempts it meets. */
  #failed(error: unknown): void {
    const { code } = toFanfareError(error, 'read');
    if (this.#told === code) return;
    this.#told = code;
    this.#options.logger.warn({ error, queue: this.#queue }, 'the queue cannot be drained now; trying again');
  }

  #succeeded(): void {
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#options.logger.info({ queue: this.#queue }, 'the queue is drained again');
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wake = wake;
    });
  }
}

/** Each channel's entries in the queue's order. */
function byChannel(entries: readonly QueuedEntry[]): Iterable<readonly QueuedEntry[]> {
  const chains = new Map<string, QueuedEntry[]>();
  for (const entry of entries) {
    const channel = String(entry.channel);
    const chain = chains.get(channel);
    if (chain === undefined) chains.set(channel, [entry]);
    else chain.push(entry);
  }
  return chains.values();
}
