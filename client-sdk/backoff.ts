// How long to wait before trying again: full jitter, as in "Exponential Backoff And Jitter" (AWS, 2015).

import {
  BACKOFF_BASE_MS,
  BACKOFF_CAP_MS,
  BACKOFF_FLOOR_MS,
  CLOSE_WORD,
  MAX_RETRY_AFTER_MS,
  MAX_TIMER_MS,
} from './numbers.js';

/**
 * Delay after `failures` earlier ones in a row; `random` is 0 ≤ x < 1. What a server asks for, `retryAfterMs`, is the least, as far as it is a
 * time to wait for: the jitter comes on top, or everybody would be back at once. What stands in between may be gone at any time, whatever it
 * says itself.
 */
export const backoff = (
  failures: number,
  random: number,
  {
    close = CLOSE_WORD,
    retryAfterMs = 0,
  }: { readonly close?: number; readonly retryAfterMs?: number | undefined } = {},
): number =>
  Math.min(
    close < CLOSE_WORD ? BACKOFF_CAP_MS : MAX_TIMER_MS,
    (retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : 0) +
      Math.max(BACKOFF_FLOOR_MS, random * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures)),
  ) | 0;
