// A clock whose timers do not depend on a hidden page's, which come late: what is due fires when others knock.

import type { Clock } from '../types.js';

export interface KickedClock extends Clock {
  /** Fires what is due. */
  kick(): void;
}

export const createKickedClock = ({ now, monotonic, setTimeout, clearTimeout }: Clock): KickedClock => {
  const timers = new Map<object, readonly [atMs: number, fire: () => void, timer: unknown]>();
  return {
    now,
    monotonic,
    setTimeout(callback, ms) {
      const key = {};
      const fire = () => {
        const timer = timers.get(key);
        timers.delete(key);
        clearTimeout(timer?.[2] as never);
        if (timer) callback();
      };
      timers.set(key, [monotonic() + ms, fire, setTimeout(fire, ms)]);
      return key;
    },
    clearTimeout(key: object) {
      clearTimeout(timers.get(key)?.[2] as never);
      timers.delete(key);
    },
    kick() {
      for (const [atMs, fire] of [...timers.values()]) if (atMs <= monotonic()) fire();
    },
  };
};
