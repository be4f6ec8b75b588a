// Does what may wait in slices: as much in a turn of the event loop as a bound of time allows, the rest in the turns after it.

import { contained, soon } from './timers.js';

/** Chosen: live messages wait no longer than about that for work of which there is much. */
const SLICE_MS = 8;

/** What waits is done in the order in which it came; between two slices the loop sees to everything else. */
export class Slices {
  readonly #sliceMs: number;
  readonly #nowMs: () => number;
  /** Who waits begins at `#first`: taking one off the front of a long array would move all the others. */
  #waiting: (() => void)[] = [];
  #first = 0;
  /** Of the turn that somebody has asked in: until when it has time. */
  #endsAtMs = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #isRunning = false;

  /** `nowMs` is a clock that never goes back. */
  constructor(sliceMs = SLICE_MS, nowMs = () => performance.now()) {
    this.#sliceMs = sliceMs;
    this.#nowMs = nowMs;
  }

  /** Whether work that may wait can be done at once, because this turn has time left and nothing waits already. */
  hasTime(): boolean {
    if (this.#isRunning || this.#waiting.length > 0) return false;
    const nowMs = this.#nowMs();
    if (this.#scheduled !== undefined) return nowMs < this.#endsAtMs;
    this.#endsAtMs = nowMs + this.#sliceMs;
    this.#schedule();
    return true;
  }

  /** Does it in a slice, behind all that waits. What it throws is told to the process's log. */
  add(work: () => void): void {
    this.#waiting.push(work);
    if (!this.#isRunning) this.#schedule();
  }

  /**
   * Resolves in a slice. Where {@link hasTime} holds nobody need wait for one; ask that in the same step in which the work is
   * done, else thousands find time before the first of them has used it.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => this.add(resolve));
  }

  /** Does at once what waits, for it finds that it is over. Idempotent. */
  close(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    for (let work = this.#next(); work !== undefined; work = this.#next()) contained(work);
  }

  #schedule(): void {
    this.#scheduled ??= soon(() => {
      this.#scheduled = undefined;
      return this.#waiting.length > 0 ? this.#slice() : undefined;
    });
  }

  async #slice(): Promise<void> {
    const endsAtMs = this.#nowMs() + this.#sliceMs;
    this.#isRunning = true;
    for (let work = this.#next(); work !== undefined; work = this.#next()) {
      contained(work);
      // What it has begun, and goes on in microtasks, counts too.
      await undefined;
      if (this.#nowMs() >= endsAtMs) break;
    }
    this.#isRunning = false;
    if (this.#waiting.length > 0) this.#schedule();
  }

  #next(): (() => void) | undefined {
    const next = this.#waiting[this.#first];
    this.#first = next === undefined ? 0 : this.#first + 1;
    if (this.#first === this.#waiting.length || next === undefined) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first >= 1_024 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
