// How late the event loop is: a timer that now and then looks by how much it was.

import { monotonicNowMs } from './clocks.js';
import { Histogram } from './histogram.js';
import { every } from './timers.js';

/**
 * Chosen: four times a second. What comes at any moment waits as long as this timer does, so a sample says what all of it waits;
 * Node's own monitor wakes a process a hundred times a second, which costs an idle node more than ten thousand links do.
 */
const EVERY_MS = 250;

/** Owns its timer, which keeps no process alive. */
export class LoopDelay {
  readonly #delays = new Histogram();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;

  start(): void {
    clearInterval(this.#timer);
    this.#lastMs = monotonicNowMs();
    this.#timer = every(EVERY_MS, () => this.#look()).unref();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  stats(): Readonly<Record<string, number>> {
    return this.#delays.stats('loopDelay');
  }

  /** Node sets an interval anew after each turn: what is over it is delay. */
  #look(): void {
    const nowMs = monotonicNowMs();
    this.#delays.add(nowMs - this.#lastMs - EVERY_MS);
    this.#lastMs = nowMs;
  }
}
