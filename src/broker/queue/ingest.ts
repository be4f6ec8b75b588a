// Drains the queue `<prefix>:ingest` while it holds the lease: publishes each entry once, in order per channel, past what is stuck.

import type { Logger } from '../../lib/logger.js';
import { after, within } from '../../lib/timers.js';
import type { BatchPublisher } from '../broker.js';
import { toFanfareError } from '../redis/errors.js';
import { MOST_OF_A_CALL } from '../redis/functions/publish-many-lua.js';
import { Aside, type AsideChannel, earlier, idAfter } from './aside.js';
import { byChannel, type QueuedEntry } from './ingest-entry.js';
import { Lease } from './lease.js';
import { IDLE_MS, Lookout, type QueueWatch } from './lookout.js';
import { publishEntries } from './publish-entries.js';
import { MAX_ATTEMPTS, Settlement } from './settlement.js';
import { BATCH_ENTRIES, type QueueConnection, StoredQueue } from './stored-queue.js';

/** Chosen: how often whoever waits for the lease asks for it, so how soon one that was handed over is taken. */
const WAIT_MS = 500;
/** Chosen: pause after a step that failed. */
const FAILED_MS = 500;
/** Chosen: how long the channels of a batch are waited for; one that takes longer goes on aside. */
const PATIENCE_MS = 250;
/** Chosen: channels aside; their names go along with each read. Beyond it nothing more is read. */
const MAX_ASIDE = 10_000;
/** Chosen: channels that are tried again at the same time; where a master hangs, each attempt takes seconds. */
const MAX_RETRIES = 32;
/** Chosen: how often the queue is read from its head on although something is aside, whatever became of the places. */
const FROM_HEAD_MS = 10_000;
const HEAD = '0-0';

export interface IngestOptions {
  /** The caller's to start and close; open for longer than the drainer. */
  readonly connection: QueueConnection;
  readonly publishMany: BatchPublisher['publishMany'];
  readonly maxMessageBytes: number;
  readonly logger: Logger;
  readonly watch?: QueueWatch;
}

/** Drains the queue, or waits until it may. While Redis is away it tries again, and nothing is lost. */
export interface Ingest {
  /** Does nothing once it is closed. */
  start(): void;
  /**
   * `ingested` and `ingestDead` count entries, `ingestHolder` is 1 while this one drains, `ingestAside` is the number of
   * channels that cannot be published on now, or not as fast as others.
   */
  stats(): {
    readonly ingested: number;
    readonly ingestDead: number;
    readonly ingestAside: number;
    readonly ingestHolder: 0 | 1;
  };
  /** Ends the work under way and hands the lease over. Idempotent; never rejects. */
  close(): Promise<void>;
}

export function createIngest(options: IngestOptions): Ingest {
  return new Drainer(options);
}

class Drainer implements Ingest {
  readonly #options: IngestOptions;
  readonly #queue: StoredQueue;
  readonly #settlement: Settlement;
  readonly #lease: Lease;
  readonly #lookout: Lookout;
  readonly #aside = new Aside();
  /** What is under way for channels; it may outlive the step that began it. */
  readonly #working = new Set<Promise<void>>();
  /** Where the next read begins while something is aside: before it stands nothing else. */
  #from = HEAD;
  /** Where it has to begin at the latest, for the sake of channels that are no longer aside. */
  #back: string | undefined;
  #fromHeadAtMs = 0;
  #closed = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** Whether a write ends the pause: not where an attempt failed. */
  #isIdle = false;
  /** What the log was told of since all was well. */
  readonly #told = new Set<string>();

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#queue = new StoredQueue(options.connection, options.maxMessageBytes);
    this.#settlement = new Settlement(this.#queue, options.logger);
    this.#lease = new Lease(options.connection, `${this.#queue.name}:lease`, options.logger);
    this.#lookout = new Lookout(options.watch, () => {
      if (this.#isIdle) this.#wake?.();
    });
  }

  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  stats() {
    return {
      ingested: this.#settlement.stored,
      ingestDead: this.#settlement.dead,
      ingestAside: this.#aside.passed,
      ingestHolder: this.#lease.isHeld ? 1 : 0,
    } as const;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#isIdle = false;
      const pauseMs = await this.#step().catch((error: unknown) => {
        this.#failed('the queue cannot be drained now; trying again', error, {});
        return FAILED_MS;
      });
      if (pauseMs > 0 && !this.#closed) await this.#pause(pauseMs);
    }
    await Promise.all([...this.#working, this.#lookout.close()]);
    try {
      await this.#queue.deleteFinished();
      await this.#lease.release();
    } catch (error) {
      this.#failed('the lease of the queue was not handed over', error, {});
    }
  }

  /** One look at the lease, and one batch of what is not aside; answers the pause before the next. */
  async #step(): Promise<number> {
    await this.#queue.deleteFinished();
    const waitMs = await this.#lease.hold();
    if (waitMs > 0) {
      // Whoever has the lease deals with all that is there.
      this.#aside.forget();
      this.#back = HEAD;
      await this.#lookout.close();
      return Math.min(waitMs, WAIT_MS);
    }
    this.#lookout.open();
    for (const channel of this.#aside.due(performance.now(), MAX_RETRIES)) void this.#start(this.#retry(channel));
    if (this.#aside.size >= MAX_ASIDE) return IDLE_MS;
    const isCalm = this.#aside.size === 0 && this.#back === undefined && this.#lookout.isCalm;
    const chains = isCalm ? undefined : await this.#readOthers();
    if (chains === undefined) return this.#idle();
    const begun = [...chains].map(([name, chain]) => this.#start(this.#publishFirst(name, chain)));
    await within(Promise.all(begun), PATIENCE_MS);
    this.#aside.pass();
    await this.#queue.deleteFinished();
    return 0;
  }

  /** What is aside has times of its own. */
  #idle(): number {
    this.#isIdle = true;
    return this.#aside.size > 0 ? IDLE_MS : this.#lookout.idleMs;
  }

  /** The next entries of channels that are not aside; `undefined` at the end of the queue. */
  async #readOthers(): Promise<ReadonlyMap<string, readonly QueuedEntry[]> | undefined> {
    const nowMs = performance.now();
    this.#lookout.looks();
    if (this.#aside.size === 0 || nowMs - this.#fromHeadAtMs > FROM_HEAD_MS) this.#back = HEAD;
    if (this.#back !== undefined) this.#from = earlier(this.#from, this.#back);
    if (this.#from === HEAD) this.#fromHeadAtMs = nowMs;
    // From here on it is what channels ask for that are let go during the read, which passes over them.
    this.#back = undefined;
    const { entries, seenUpTo } = await this.#queue.readOthers(this.#from, this.#aside.names());
    if (seenUpTo === '') {
      if (this.#aside.size === 0) this.#succeeded();
      return undefined;
    }
    this.#from = idAfter(seenUpTo);
    return byChannel(entries.filter(({ channel }) => !this.#aside.has(String(channel))));
  }

  #start(work: Promise<void>): Promise<void> {
    this.#working.add(work);
    return work.finally(() => this.#working.delete(work));
  }

  /** Publishes entries of a channel that is not aside. Never rejects. */
  #publishFirst(name: string, chain: readonly QueuedEntry[]): Promise<void> {
    return this.#publishInOrder(this.#aside.begin(name, chain[0]?.id ?? HEAD), chain);
  }

  /** Tries a channel again with its oldest entry, at the last attempt with a batch of them. Never rejects. */
  async #retry(channel: AsideChannel): Promise<void> {
    channel.isBusy = true;
    try {
      const maxEntries = channel.failures < MAX_ATTEMPTS - 1 ? 1 : BATCH_ENTRIES;
      const { entries } = await this.#queue.readOne(channel.firstId, channel.name, maxEntries);
      await this.#publishInOrder(channel, entries);
    } catch (error) {
      this.#setAside(channel, error);
    }
  }

  /**
   * Until one fails: then the channel is set aside, and holds up no other. Without the lease, whoever has it now publishes
   * the rest: what both publish is stored once, by its key. Never rejects.
   */
  async #publishInOrder(channel: AsideChannel, chain: readonly QueuedEntry[]): Promise<void> {
    let at = 0;
    while (at < chain.length && !this.#isOver()) {
      const part = chain.slice(at, at + MOST_OF_A_CALL.messages);
      try {
        at += await this.#settlement.settle(part, await publishEntries(part, this.#options), channel);
      } catch (error) {
        return this.#setAside(channel, error);
      }
    }
    this.#letGo(channel);
  }

  /** What it has left is read with all others again. */
  #letGo(channel: AsideChannel): void {
    this.#aside.end(channel);
    if (!channel.wasPassed && !this.#isOver()) return;
    this.#back = earlier(this.#back ?? channel.firstId, channel.firstId);
    this.#wake?.();
  }

  #setAside(channel: AsideChannel, error: unknown): void {
    this.#aside.retryLater(channel, performance.now());
    const place = { channel: channel.name, id: channel.firstId };
    this.#failed('a channel of the queue cannot be published on now; trying again', error, place);
  }

  #isOver(): boolean {
    return this.#closed || !this.#lease.isHeld;
  }

  /** Once a kind of failure, however many entries and attempts it meets. */
  #failed(message: string, error: unknown, fields: object): void {
    const kind = `${message} ${toFanfareError(error, 'read').code}`;
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#options.logger.warn({ error, queue: this.#queue.name, ...fields }, message);
  }

  #succeeded(): void {
    if (this.#told.size === 0) return;
    this.#told.clear();
    this.#options.logger.info({ queue: this.#queue.name }, 'the queue is drained again');
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = after(ms, wake);
      this.#wake = wake;
    });
  }
}
