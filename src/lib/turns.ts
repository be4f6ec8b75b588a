// Lets a bounded number of tasks run at once; the others wait for their turn.

import { after } from './timers.js';

/** How long a task may wait for its turn; then `take` rejects with what `refusal` answers, and the task never runs. */
export interface WaitLimit {
  /** Behind how many it may wait at all. */
  readonly maxWaiting: number;
  readonly longestWaitMs: number;
  readonly refusal: () => Error;
}

/** Tasks run in the order in which they asked. */
export class Turns {
  readonly #max: number;
  readonly #patienceMs: number;
  #running = 0;
  /**
   * Each takes the turn, or answers `false` if it waits no more. Who waits begins at `#first`: taking one off the front of a
   * long array would move all the others.
   */
  #waiting: (() => boolean)[] = [];
  #first = 0;

  /** A task that takes longer than `patienceMs` goes on without its turn: what hangs holds up nobody else for long. */
  constructor(max: number, patienceMs = Number.POSITIVE_INFINITY) {
    this.#max = max;
    this.#patienceMs = patienceMs;
  }

  /** Runs `task` when it is its turn, however long that takes unless there is a `limit`; answers what it answers. */
  async take<T>(task: () => Promise<T>, limit?: WaitLimit): Promise<T> {
    if (this.#running >= this.#max) await this.#turn(limit);
    else this.#running++;
    let hasTurn = true;
    const giveBack = () => {
      if (!hasTurn) return;
      hasTurn = false;
      for (let next = this.#next(); next !== undefined; next = this.#next()) if (next()) return;
      this.#running--;
    };
    const timer = Number.isFinite(this.#patienceMs) ? after(this.#patienceMs, giveBack).unref() : undefined;
    try {
      return await task();
    } finally {
      clearTimeout(timer);
      giveBack();
    }
  }

  #turn(limit: WaitLimit | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (limit !== undefined && this.#waiting.length - this.#first >= limit.maxWaiting) return reject(limit.refusal());
      let waits = true;
      const giveUp = (refusal: () => Error) => {
        waits = false;
        reject(refusal());
      };
      const timer = limit && after(limit.longestWaitMs, () => giveUp(limit.refusal)).unref();
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
        return waits;
      });
    });
  }

  #next(): (() => boolean) | undefined {
    const next = this.#waiting[this.#first];
    this.#first = next === undefined ? 0 : this.#first + 1;
    if (next === undefined) this.#waiting = [];
    else if (this.#first >= 1_024 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
