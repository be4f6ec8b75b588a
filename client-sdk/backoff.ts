// How long to wait before trying again: full jitter, as in "Exponential Backoff And Jitter" (AWS, 2015).

import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, BACKOFF_FLOOR_MS, MAX_RETRY_AFTER_MS } from './numbers.js';

/**
 * Delay after `failures` earlier ones in a row; `random` is 0 ≤ x < 1. `afterMs`, what a server asked for, is the least, as far as it is a
 * time to wait for: the jitter comes on top, or everybody would be back at once.
 */
export const backoff = (failures: number, random: number, afterMs: unknown = 0): number =>
  (Number(afterMs) > 0 ? Math.min(Number(afterMs), MAX_RETRY_AFTER_MS) : 0) +
  Math.max(BACKOFF_FLOOR_MS, random * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures));
