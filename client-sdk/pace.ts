// How often the node is told what is wanted: a few changes at once, then no more than it lets pass.

import { SYNC_BURST, SYNC_MS } from './numbers.js';
import type { Settings } from './settings.js';

/** Returns a function that has `flush` called soon: once at the end of this turn, or once when the next is due. */
export const createPace = ({ clock, timers }: Settings, flush: () => void): (() => void) => {
  const now = clock.monotonic;
  let left = SYNC_BURST;
  let sinceMs = now();
  let isQueued = false;

  const run = () => {
    isQueued = false;
    left--;
    flush();
  };
  return () => {
    const regained = Math.floor((now() - sinceMs) / SYNC_MS);
    sinceMs += regained * SYNC_MS;
    left = Math.min(SYNC_BURST, left + regained);
    if (left < 1) timers.set(run, sinceMs + SYNC_MS - now());
    else if (!isQueued) {
      isQueued = true;
      timers.delete(run);
      queueMicrotask(run);
    }
  };
};
