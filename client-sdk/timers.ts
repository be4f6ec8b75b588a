// Timers with one owner: each has a name, setting it again replaces it.

import type { Clock } from './types.js';

export interface Timers {
  /** `name` is anything that identifies it. */
  set(name: unknown, ms: number, callback: () => void): void;
  clear(name: unknown): void;
  clearAll(): void;
}

/** What a timer can hold at most: it would fire at once beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createTimers({ setTimeout, clearTimeout }: Clock): Timers {
  const running = new Map<unknown, unknown>();
  const clear = (name: unknown) => {
    clearTimeout(running.get(name) as never);
    running.delete(name);
  };
  return {
    set(name, ms, callback) {
      clear(name);
      running.set(name, setTimeout(callback, Math.min(ms, MAX_TIMER_MS)));
    },
    clear,
    clearAll() {
      for (const name of running.keys()) clear(name);
    },
  };
}
