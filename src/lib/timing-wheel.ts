// Many coarse deadlines on one timer.

import { monotonicNowMs } from './clocks.js';
import { every, tellFault } from './timers.js';

/** What is told when its time has come. */
export interface Due {
  /** Where the wheel has it, kept by the wheel: the slot, below 0 outside, and its place in there. */
  slot: number;
  place: number;
  due(nowMs: number): void;
}

/** Chosen: the timer is late when it has missed so many turns. */
const LATE_TURNS = 3;
const OUTSIDE = -1;

/** Deadlines by the monotonic clock, rounded up to `tickMs`. One interval runs while there is any; `close` ends it. */
export class TimingWheel<T extends Due> {
  readonly #tickMs: number;
  readonly #slots = new Map<number, T[]>();
  #timer: NodeJS.Timeout | undefined;
  #doneUpTo = 0;
  #turnedAtMs = 0;
  #size = 0;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** Items whose time has not come. */
  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const items of this.#slots.values()) yield* items;
  }

  /** It has one deadline at a time. */
  add(item: T, deadlineMs: number): void {
    this.remove(item);
    if (this.#timer === undefined) {
      this.#doneUpTo = Math.floor(monotonicNowMs() / this.#tickMs) - 1;
      this.#timer = every(this.#tickMs, () => this.#turn());
      this.#turnedAtMs = monotonicNowMs();
    }
    // What is overdue already comes with the next turn: slots behind that are never looked at again.
    const slot = Math.max(Math.ceil(deadlineMs / this.#tickMs), this.#doneUpTo + 1);
    let items = this.#slots.get(slot);
    if (items === undefined) {
      items = [];
      this.#slots.set(slot, items);
    }
    item.slot = slot;
    item.place = items.push(item) - 1;
    this.#size++;
  }

  /** Idempotent. */
  remove(item: T): void {
    const { slot, place } = item;
    if (slot === OUTSIDE) return;
    item.slot = OUTSIDE;
    this.#size--;
    const items = this.#slots.get(slot);
    const last = items?.pop();
    if (items === undefined || last === undefined) return;
    if (last !== item) {
      items[place] = last;
      last.place = place;
    }
    if (items.length === 0) this.#slots.delete(slot);
  }

  /** For where work comes in: tells at once what the timer is late with, as after the loop was held up. */
  hurry(nowMs: number): void {
    if (this.#timer !== undefined && nowMs - this.#turnedAtMs > LATE_TURNS * this.#tickMs) this.#turn();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const items of this.#slots.values()) for (const item of items) item.slot = OUTSIDE;
    this.#slots.clear();
    this.#size = 0;
  }

  #turn(): void {
    const nowMs = monotonicNowMs();
    this.#turnedAtMs = nowMs;
    const current = Math.floor(nowMs / this.#tickMs);
    const first = this.#doneUpTo + 1;
    // Before anything is told: what is added meanwhile comes with the next turn, whatever its deadline.
    this.#doneUpTo = current;
    if (current - first >= this.#slots.size * 2 + 16) this.#turnBySlots(current, nowMs);
    else for (let slot = first; slot <= current; slot++) this.#ring(slot, nowMs);
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
    for (const item of items) {
      // One of them may have removed another.
      if (item.slot !== slot) continue;
      item.slot = OUTSIDE;
      this.#size--;
      try {
        item.due(nowMs);
      } catch (error) {
        tellFault(error);
      }
    }
  }
}
