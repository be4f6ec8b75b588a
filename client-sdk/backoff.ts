// How long to wait before trying again: full jitter, as in "Exponential Backoff And Jitter" (AWS, 2015).

const BASE_MS = 500;
const CAP_MS = 20_000;
/** So that no generator of random numbers can make a loop without delay. */
const FLOOR_MS = 100;

/** Delay after `failures` earlier ones in a row; `random` is 0 ≤ x < 1. */
export function backoff(failures: number, random: number): number {
  return Math.max(FLOOR_MS, random * Math.min(CAP_MS, BASE_MS * 2 ** failures));
}
