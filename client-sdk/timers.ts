// Timers with one owner: each is known by its callback, setting it again replaces it.

import type { Clock } from './types.js';

export interface Timers {
  set(callback: () => void, ms: number): void;
  delete(callback: () => void): void;
  clear(): void;
}

export const createTimers = ({ setTimeout, clearTimeout }: Clock): Timers => {
  const running = new Map<() => void, unknown>();
  const timers: Timers = {
    set(callback, ms) {
      timers.delete(callback);
      running.set(callback, setTimeout(callback, ms));
    },
    delete(callback) {
      clearTimeout(running.get(callback) as never);
      running.delete(callback);
    },
    clear() {
      for (const callback of running.keys()) timers.delete(callback);
    },
  };
  return timers;
};
