// A clock that stands still until it is told to go on.

import { createHook } from 'node:async_hooks';
import type { Clock } from '../../../../client-sdk/types.js';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Lets everything that needs no time happen: until the event loop has gone round and nobody has begun anything. */
function settled(): Promise<void> {
  let begun = 0;
  const hook = createHook({ init: () => void begun++ }).enable();
  return new Promise((resolve) => {
    const goRound = () => {
      setImmediate(() => {
        if (begun > 0) return goRound();
        hook.disable();
        resolve();
      });
      // That one is our own.
      begun = 0;
    };
    goRound();
  });
}

/** What a timer can hold; more, or what is no number, fires at once, as in browsers and Node. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class FakeClock implements Clock {
  #nowMs = 5_000;
  /** What somebody may set. */
  #unixMs = 1_800_000_000_000;
  #timers = new Map<number, Timer>();
  #serial = 0;

  readonly now = () => this.#unixMs + this.#nowMs;
  readonly monotonic = () => this.#nowMs;

  /** Somebody sets the system's clock. */
  set(byMs: number): void {
    this.#unixMs += byMs;
  }

  readonly setTimeout = (callback: () => void, ms: number): number => {
    const delayMs = ms >= 0 && ms <= MAX_TIMER_MS ? ms : 0;
    this.#timers.set(++this.#serial, { atMs: this.#nowMs + delayMs, callback });
    return this.#serial;
  };

  readonly clearTimeout = (timer: number) => {
    this.#timers.delete(timer);
  };

  /** Timers that have neither fired nor been cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  /** In how many milliseconds each pending timer fires, soonest first. */
  get delays(): number[] {
    return [...this.#timers.values()].map((timer) => timer.atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Time passes without a timer firing, as while a page is frozen. */
  sleep(ms: number): void {
    this.#nowMs += ms;
  }

  /** Goes on by `ms`, firing timers in order; between two of them everything that needs no time happens. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const due = [...this.#timers]
        .filter(([, timer]) => timer.atMs <= endMs)
        .sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      // One that comes late finds the time that it is by then.
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      await settled();
    }
    this.#nowMs = endMs;
    await settled();
  }
}
