// What the algorithms share: checks of their numbers, and rounding that never errs to the client's harm.

/** Units of floating-point error that are forgiven, so that who waits as long as told is let through. */
export const ALLOWANCE = 1e-6;
/** Chosen: what may be owed comes back within a minute. */
export const MAX_OWED_MS = 60_000;

/** Throws `TypeError` unless `value` is a finite number above 0. */
export function checkPositive(name: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value))) throw new TypeError(`${name}: expected a number above 0, got ${value}`);
  return value;
}

/** Throws `TypeError` unless `cost` is a number of at least 0. */
export function checkCost(cost: number): void {
  if (!(cost >= 0)) throw new TypeError(`cost: expected a number of at least 0, got ${cost}`);
}

/** Whole milliseconds, at least one. */
export function retryAfter(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
