// Tells whether a subscriber connection hears: a message of its own goes through pub/sub each second, and has to come.

import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';

/** Specified. */
const CANARY_MS = 1_000;
/** Specified: canaries in a row that did not come, after which a silent connection counts as deaf. */
const MISSES = 3;
/** Chosen: the same for a connection that brings other bytes: it is rather late than deaf. */
const MISSES_OF_BUSY = 15;

/** Counts since the start, of all subscriber connections. */
export interface BusStats {
  /** Canaries that Redis took and that did not come within a second. */
  canaryMisses: number;
  /** Subscriber connections that were made anew because they were deaf. */
  subscriberRebuilds: number;
  /** Subscriber connections that stood and were lost, whoever closed them: Redis does that to one that reads too slowly. */
  subscriberDisconnects: number;
}

export interface CanaryOptions {
  readonly stats: BusStats;
  /** Publishes one; resolves when Redis has it, or to `false` where there is no canary at present. */
  readonly send: () => Promise<boolean>;
  /** Bytes read from the connection so far. */
  readonly bytesRead: () => number;
  /** The connection is deaf: make it anew. */
  readonly rebuild: () => void;
  /** `deaf` has changed back. */
  readonly recovered: () => void;
}

/** What could not be published says nothing about the subscriber: only what Redis took and did not bring is a miss. */
export class Canary {
  readonly #options: CanaryOptions;
  #timer: PeriodicTask | undefined;
  #misses = 0;
  /** Of the canary under way. */
  #taken = false;
  #bytesBefore = 0;
  #round = 0;
  #deaf = false;

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  /** From the moment at which it is found until a canary comes. */
  get deaf(): boolean {
    return this.#deaf;
  }

  /** Idempotent. */
  start(): void {
    this.stop();
    this.reset();
    this.#timer = periodically(CANARY_MS, () => this.#tick());
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.stop();
  }

  /** The connection is another one, or gone: what is under way no longer counts. */
  reset(): void {
    this.#round++;
    this.#misses = 0;
    this.#taken = false;
  }

  /** A canary has come. */
  heard(): void {
    this.reset();
    if (!this.#deaf) return;
    this.#deaf = false;
    this.#options.recovered();
  }

  #tick(): void {
    const { stats, bytesRead, rebuild } = this.#options;
    const bytes = bytesRead();
    if (this.#taken) {
      this.#misses++;
      stats.canaryMisses++;
      const silent = bytes === this.#bytesBefore;
      if (this.#misses >= (silent ? MISSES : MISSES_OF_BUSY)) {
        this.#deaf = true;
        stats.subscriberRebuilds++;
        this.reset();
        rebuild();
        return;
      }
    }
    this.#bytesBefore = bytes;
    this.#send();
  }

  #send(): void {
    const round = ++this.#round;
    this.#taken = false;
    this.#options.send().then(
      (taken) => {
        if (round === this.#round) this.#taken = taken;
      },
      () => {
        // Commands do not reach Redis now; their connection tells it.
      },
    );
  }
}
