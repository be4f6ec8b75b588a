// The periodic tasks of a process on one timer: what wakes the process wakes it once.

import { monotonicNowMs } from './clocks.js';
import { contained, every } from './timers.js';

/** Chosen: the shortest period, of which all others are multiples. */
const TICK_MS = 250;
/** Chosen: ticks among which a task finds its place; a first run comes so much sooner at most. */
const SPREAD_TICKS = 40;

export interface PeriodicTask {
  /** From now on it keeps no process alive. */
  unref(): this;
  /** Idempotent. */
  stop(): void;
}

/**
 * Runs a task, contained, each `ms`, a multiple of 250: for the first time after that or somewhat sooner, at a tick that has few
 * others. What was missed while the loop was held up or the process suspended is run once, and after that at the ticks from before.
 * `dueMs` is when the tick was due, by the monotonic clock. Keeps the process alive as `setInterval` does. Throws `RangeError`.
 */
export function periodically(ms: number, run: (dueMs: number) => unknown): PeriodicTask {
  const ticks = ms / TICK_MS;
  if (!Number.isSafeInteger(ticks) || ticks < 1) throw new RangeError(`${ms} ms is no multiple of ${TICK_MS} ms`);
  return new Task(ticks, run);
}

class Task implements PeriodicTask {
  readonly ticks: number;
  readonly run: (dueMs: number) => unknown;
  /** The tick at which it runs next. */
  next: number;
  keepsAlive = true;

  constructor(ticks: number, run: (dueMs: number) => unknown) {
    this.ticks = ticks;
    this.run = run;
    this.next = ticker.freestTick(ticks);
    ticker.add(this);
  }

  unref(): this {
    this.keepsAlive = false;
    ticker.look();
    return this;
  }

  stop(): void {
    ticker.remove(this);
  }
}

/** Owns the timer, which is there while there are tasks. */
class Ticker {
  readonly #tasks = new Set<Task>();
  #timer: NodeJS.Timeout | undefined;
  #tick = 0;
  /** When that was due, counted from the first: a loop that is always somewhat late loses none. */
  #tickedAtMs = 0;
  #turnedAtMs = 0;

  add(task: Task): void {
    this.#tasks.add(task);
    this.look();
  }

  remove(task: Task): void {
    if (this.#tasks.delete(task)) this.look();
  }

  /** The one with the fewest tasks that this one would meet there, now or later; of several the last. */
  freestTick(ticks: number): number {
    const last = this.#tick + ticks;
    let freest = last;
    let fewest = Number.POSITIVE_INFINITY;
    for (let tick = last; tick > this.#tick && tick > last - SPREAD_TICKS; tick--) {
      const met = [...this.#tasks].filter((task) => (task.next - tick) % commonDivisor(task.ticks, ticks) === 0).length;
      if (met >= fewest) continue;
      fewest = met;
      freest = tick;
    }
    return freest;
  }

  /** Has the timer be there, and keep the process alive, where tasks want that. */
  look(): void {
    if (this.#tasks.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (this.#timer === undefined) {
      this.#tickedAtMs = monotonicNowMs();
      this.#turnedAtMs = this.#tickedAtMs;
      this.#timer = every(TICK_MS, () => this.#turn());
    }
    if ([...this.#tasks].some(({ keepsAlive }) => keepsAlive)) this.#timer.ref();
    else this.#timer.unref();
  }

  /** What a task begins comes with a later tick, and what it stops does not come any more. */
  #turn(): void {
    const nowMs = monotonicNowMs();
    // Node sets an interval anew after each turn: by as much as this one is late, all later ones are.
    const dueMs = this.#turnedAtMs + TICK_MS;
    this.#turnedAtMs = nowMs;
    const ticks = Math.max(1, Math.floor((nowMs - this.#tickedAtMs) / TICK_MS));
    this.#tick += ticks;
    this.#tickedAtMs += ticks * TICK_MS;
    for (const task of this.#tasks) {
      const lateTicks = this.#tick - task.next;
      if (lateTicks < 0) continue;
      // In step with what it was, at least half a period and at most one and a half from now.
      task.next += task.ticks * Math.round(1 + lateTicks / task.ticks);
      contained(() => task.run(dueMs));
    }
  }
}

const ticker = new Ticker();

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
