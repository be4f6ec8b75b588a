// Many coarse deadlines on one timer.

import { monotonicNowMs } from './clocks.js';
import { contained, every } from './timers.js';

/** What is told when its time has come. */
export interface Due {
  due(nowMs: number): void;
}

/** Chosen: the timer is late when it has missed so many turns. */
const LATE_TURNS = 3;

/** Deadlines by the monotonic clock, rounded up to `tickMs`. One interval runs while there is any; `close` ends it. */
export class TimingWheel<T extends Due> {
  readonly #tickMs: number;
  readonly #slots = new Map<number, Set<T>>();
  #timer: NodeJS.Timeout | undefined;
  #doneUpTo = 0;
  #turnedAtMs = 0;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** Answers the slot to give back to {@link remove}. */
  add(item: T, deadlineMs: number): number {
    if (this.#timer === undefined) {
      this.#doneUpTo = Math.floor(monotonicNowMs() / this.#tickMs) - 1;
      this.#timer = every(this.#tickMs, () => this.#turn());
      this.#turnedAtMs = monotonicNowMs();
    }
    // What is overdue already comes with the next turn: slots behind that are never looked at again.
    const slot = Math.max(Math.ceil(deadlineMs / this.#tickMs), this.#doneUpTo + 1);
    let items = this.#slots.get(slot);
    if (items === undefined) {
      items = new Set();
      this.#slots.set(slot, items);
    }
    items.add(item);
    return slot;
  }

  remove(item: T, slot: number): void {
    const items = this.#slots.get(slot);
    items?.delete(item);
    if (items?.size === 0) this.#slots.delete(slot);
  }

  /** For where work comes in: tells at once what the timer is late with, as after the loop was held up. */
  hurry(nowMs: number): void {
    if (this.#timer !== undefined && nowMs - this.#turnedAtMs > LATE_TURNS * this.#tickMs) this.#turn();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slots.clear();
  }

  #turn(): void {
    const nowMs = monotonicNowMs();
    this.#turnedAtMs = nowMs;
    const current = Math.floor(nowMs / this.#tickMs);
    if (current - this.#doneUpTo > this.#slots.size * 2 + 16) this.#turnBySlots(current, nowMs);
    else for (let slot = this.#doneUpTo + 1; slot <= current; slot++) this.#ring(slot, nowMs);
    this.#doneUpTo = current;
    if (this.#slots.size === 0) this.close();
  }

  /** After the process was suspended: look at what there is instead of at every tick in between. */
  #turnBySlots(current: number, nowMs: number): void {
    for (const slot of [...this.#slots.keys()].sort((a, b) => a - b)) if (slot <= current) this.#ring(slot, nowMs);
  }

  #ring(slot: number, nowMs: number): void {
    const items = this.#slots.get(slot);
    if (items === undefined) return;
    this.#slots.delete(slot);
    for (const item of items) contained(() => item.due(nowMs));
  }
}
