// The seam of rate limits: one small interface over pure algorithms.

/** What a limiter answers. */
export interface RateDecision {
  readonly allowed: boolean;
  /** Whole units left now. */
  readonly remaining: number;
  /** When `cost` would be allowed, in milliseconds from now; 0 when it was. `Infinity` when it never can be. */
  readonly retryAfterMs: number;
}

/** Counts units against a limit. A refused take costs nothing, unless the algorithm says so. A clock that goes back stands still. */
export interface RateLimiter {
  /** `cost` ≥ 0 units at `nowMs`. */
  take(cost: number, nowMs: number): RateDecision;
  /** Whether `cost` would be allowed, and when; nothing is taken, and nothing counted as refused. */
  peek(cost: number, nowMs: number): RateDecision;
  /** Units of what was taken at `takenAtMs` that were not needed; never more than were taken then. */
  giveBack(units: number, takenAtMs: number): void;
  /** Units that were used before anybody could say how many: where the algorithm allows for it, what is not there is owed. */
  charge?(units: number, nowMs: number): void;
}
