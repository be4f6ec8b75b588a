// Timers with one owner: each is known by its callback, setting it again replaces it.

import { MAX_TIMER_MS } from './numbers.js';
import type { Clock } from './types.js';

export interface Timers {
  /** Whatever `ms` is: no number counts as 0, and what a timer cannot hold fires earlier. */
  set(callback: () => void, ms: number): void;
  delete(callback: () => void): void;
  clear(): void;
}

export const createTimers = ({ setTimeout, clearTimeout }: Pick<Clock, 'setTimeout' | 'clearTimeout'>): Timers => {
  const running = new Map<() => void, unknown>();
  const end = (callback: () => void) => {
    clearTimeout(running.get(callback) as never);
    running.delete(callback);
  };
  return {
    set(callback, ms) {
      end(callback);
      const fire = () => {
        running.delete(callback);
        callback();
      };
      running.set(callback, setTimeout(fire, ms > 0 ? Math.min(ms, MAX_TIMER_MS) : 0));
    },
    delete: end,
    clear() {
      for (const callback of running.keys()) end(callback);
    },
  };
};
