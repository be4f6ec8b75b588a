// Leaky bucket: an even pace. With a capacity of 1 it spaces units out; a larger one lets that many gather.

import { ALLOWANCE, checkCost, checkPositive, MAX_OWED_MS, retryAfter } from './arithmetic.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

export interface LeakyBucketOptions {
  /** Units that leak out per second, evenly; above 0. */
  readonly perSecond: number;
  /** Units that the bucket holds; above 0, default 1. A cost over it is never allowed. */
  readonly capacity?: number;
}

/**
 * The bucket as a meter (ITU-T I.371). State: the level at a moment, and not the moment at which it is empty: so far from its origin a
 * clock's numbers are too coarse for that. The bucket begins empty.
 */
export class LeakyBucket implements RateLimiter {
  readonly #perMs: number;
  readonly #capacity: number;
  #level = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor({ perSecond, capacity = 1 }: LeakyBucketOptions) {
    this.#perMs = checkPositive('perSecond', perSecond) / 1000;
    this.#capacity = checkPositive('capacity', capacity);
  }

  take(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, true);
  }

  peek(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, false);
  }

  giveBack(units: number): void {
    this.#level = Math.max(0, this.#level - units);
  }

  charge(units: number, nowMs: number): void {
    checkCost(units);
    this.#leak(nowMs);
    this.#level = Math.min(this.#capacity + MAX_OWED_MS * this.#perMs, this.#level + units);
  }

  #decide(cost: number, nowMs: number, takes: boolean): RateDecision {
    checkCost(cost);
    this.#leak(nowMs);
    const over = this.#level + cost - this.#capacity;
    if (over <= ALLOWANCE) {
      if (takes) this.#level += cost;
      return { allowed: true, remaining: this.#room(), retryAfterMs: 0 };
    }
    const retryAfterMs = cost > this.#capacity ? Number.POSITIVE_INFINITY : retryAfter(over / this.#perMs);
    return { allowed: false, remaining: this.#room(), retryAfterMs };
  }

  #leak(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#level = Math.max(0, this.#level - (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }

  #room(): number {
    return Math.max(0, Math.floor(this.#capacity - this.#level + ALLOWANCE));
  }
}
