// Leaky bucket: an even pace. With a capacity of 1 it spaces units out; a larger one lets that many gather.

import { ALLOWANCE, checkCost, checkPositive, retryAfter } from './arithmetic.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

export interface LeakyBucketOptions {
  /** Units that leak out per second, evenly; above 0. */
  readonly perSecond: number;
  /** Units that the bucket holds; above 0, default 1. A cost over it is never allowed. */
  readonly capacity?: number;
}

/**
 * State: the moment at which the bucket will be empty, as in the virtual scheduling algorithm of ITU-T I.371 (GCRA).
 * The bucket begins empty.
 */
export class LeakyBucket implements RateLimiter {
  readonly #msPerUnit: number;
  readonly #capacity: number;
  #emptyAtMs = Number.NEGATIVE_INFINITY;

  constructor({ perSecond, capacity = 1 }: LeakyBucketOptions) {
    this.#msPerUnit = 1000 / checkPositive('perSecond', perSecond);
    this.#capacity = checkPositive('capacity', capacity);
  }

  take(cost: number, nowMs: number): RateDecision {
    checkCost(cost);
    const level = Math.max(0, this.#emptyAtMs - nowMs) / this.#msPerUnit;
    const over = level + cost - this.#capacity;
    if (over <= ALLOWANCE) {
      this.#emptyAtMs = Math.max(this.#emptyAtMs, nowMs) + cost * this.#msPerUnit;
      return { allowed: true, remaining: this.#room(level + cost), retryAfterMs: 0 };
    }
    const retryAfterMs = cost > this.#capacity ? Number.POSITIVE_INFINITY : retryAfter(over * this.#msPerUnit);
    return { allowed: false, remaining: this.#room(level), retryAfterMs };
  }

  giveBack(units: number): void {
    this.#emptyAtMs -= units * this.#msPerUnit;
  }

  #room(level: number): number {
    return Math.max(0, Math.floor(this.#capacity - level + ALLOWANCE));
  }
}
