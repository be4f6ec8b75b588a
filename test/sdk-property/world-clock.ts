// A clock that stands still until it is told to go on, for a page that may freeze while the rest of the world does not.

import type { Clock } from '../../client-sdk/types.js';

interface Timer {
  readonly atMs: number;
  readonly serial: number;
  /** Absent once it has been cleared. */
  callback: (() => void) | undefined;
}

/** Timers by their time, the next one last. */
class Timers {
  readonly #list: Timer[] = [];

  add(timer: Timer): void {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#list[middle]?.atMs ?? 0) > timer.atMs) low = middle + 1;
      else high = middle;
    }
    this.#list.splice(low, 0, timer);
  }

  /** The next one that is due by then, if any. */
  peek(byMs: number): Timer | undefined {
    for (let next = this.#list.at(-1); next; next = this.#list.at(-1)) {
      if (next.callback) return next.atMs <= byMs ? next : undefined;
      this.#list.pop();
    }
    return undefined;
  }

  take(): void {
    this.#list.pop();
  }
}

/** What a timer can hold; more, or what is no number, fires at once, as in browsers and Node. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** More at one moment is a loop. */
const MAX_AT_ONCE = 5_000;

/** Lets everything happen that needs no time; nothing here waits for more than promises. */
const goRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class WorldClock {
  #nowMs = 5_000;
  /** What somebody may set. */
  #unixMs = 1_800_000_000_000;
  #serial = 0;
  #atOnce = 0;
  readonly #page = new Timers();
  readonly #world = new Timers();
  readonly #ofSdk = new Set<Timer>();

  readonly monotonic = () => this.#nowMs;

  /** The page's clock as the SDK is handed it. */
  readonly sdk: Clock = {
    now: () => this.#unixMs + this.#nowMs,
    monotonic: this.monotonic,
    setTimeout: (callback, ms) => {
      const timer = this.#add(this.#page, ms >= 0 && ms <= MAX_TIMER_MS ? ms : 0, () => {
        this.#ofSdk.delete(timer);
        callback();
      });
      this.#ofSdk.add(timer);
      return timer;
    },
    clearTimeout: (timer: Timer | undefined) => {
      if (!timer) return;
      this.#ofSdk.delete(timer);
      timer.callback = undefined;
    },
  };

  /** Timers of the SDK that have neither fired nor been cleared. */
  get pending(): number {
    return this.#ofSdk.size;
  }

  /** Somebody sets the system's clock. */
  set(byMs: number): void {
    this.#unixMs += byMs;
  }

  /** Something happens to the page after `ms`, or once it runs again. */
  page(ms: number, callback: () => void): void {
    this.#add(this.#page, ms, callback);
  }

  /** Something happens in the world after `ms`, whatever becomes of the page. */
  world(ms: number, callback: () => void): void {
    this.#add(this.#world, ms, callback);
  }

  #add(timers: Timers, ms: number, callback: () => void): Timer {
    const timer: Timer = { atMs: this.#nowMs + ms, serial: ++this.#serial, callback };
    timers.add(timer);
    return timer;
  }

  /** Goes on by `ms`, firing timers in order; between two of them everything that needs no time happens. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await goRound();
    for (;;) {
      const page = this.#page.peek(endMs);
      const world = this.#world.peek(endMs);
      if (!page && !world) break;
      const isPage = !world || (page && (page.atMs - world.atMs || page.serial - world.serial) < 0);
      await this.#fire(isPage ? this.#page : this.#world, (isPage ? page : world) as Timer);
    }
    this.#nowMs = endMs;
  }

  /** Time passes and no timer of the page fires; then all that were due do. */
  async freeze(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await goRound();
    for (let next = this.#world.peek(endMs); next; next = this.#world.peek(endMs)) await this.#fire(this.#world, next);
    this.#nowMs = endMs;
  }

  async #fire(timers: Timers, timer: Timer): Promise<void> {
    timers.take();
    this.#atOnce = timer.atMs > this.#nowMs ? 0 : this.#atOnce + 1;
    if (this.#atOnce > MAX_AT_ONCE) throw new Error('something goes round and round, and time stands still');
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback?.();
    await goRound();
  }
}
