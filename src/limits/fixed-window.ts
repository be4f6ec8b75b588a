// Fixed window: so many units in each window of the clock; cheap, but two bursts may meet at a window's edge.

import { ALLOWANCE, checkCost, checkPositive, retryAfter } from './arithmetic.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

export interface WindowOptions {
  /** Units per window; above 0. A cost over it is never allowed. */
  readonly limit: number;
  /** Length of a window in milliseconds; above 0. */
  readonly windowMs: number;
}

/** State: two numbers. Windows begin at multiples of their length, so that several processes agree on them. */
export class FixedWindow implements RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor({ limit, windowMs }: WindowOptions) {
    this.#limit = checkPositive('limit', limit);
    this.#windowMs = checkPositive('windowMs', windowMs);
  }

  take(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, true);
  }

  peek(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, false);
  }

  #decide(cost: number, atMs: number, takes: boolean): RateDecision {
    checkCost(cost);
    const nowMs = Math.max(atMs, this.#startMs);
    const startMs = Math.floor(nowMs / this.#windowMs) * this.#windowMs;
    if (startMs > this.#startMs) {
      this.#startMs = startMs;
      this.#used = 0;
    }
    const allowed = this.#used + cost <= this.#limit + ALLOWANCE;
    if (allowed && takes) this.#used += cost;
    const remaining = Math.max(0, Math.floor(this.#limit - this.#used + ALLOWANCE));
    if (allowed) return { allowed, remaining, retryAfterMs: 0 };
    const never = cost > this.#limit;
    const retryAfterMs = never ? Number.POSITIVE_INFINITY : retryAfter(this.#startMs + this.#windowMs - nowMs);
    return { allowed, remaining, retryAfterMs };
  }

  giveBack(units: number, takenAtMs: number): void {
    // What was taken in a window that is over is forgotten anyway.
    if (takenAtMs >= this.#startMs) this.#used = Math.max(0, this.#used - units);
  }
}
