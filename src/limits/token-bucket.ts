// Token bucket: a burst at once, then a steady rate.

import { ALLOWANCE, checkCost, checkPositive, MAX_OWED_MS, retryAfter } from './arithmetic.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

export interface TokenBucketOptions {
  /** Units that come back per second, evenly; above 0. */
  readonly perSecond: number;
  /** Units that a full bucket holds; above 0. A cost over it is never allowed. */
  readonly burst: number;
}

/** State: two numbers. The bucket begins full. */
export class TokenBucket implements RateLimiter {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor({ perSecond, burst }: TokenBucketOptions) {
    this.#perMs = checkPositive('perSecond', perSecond) / 1000;
    this.#burst = checkPositive('burst', burst);
    this.#tokens = burst;
  }

  take(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, true);
  }

  peek(cost: number, nowMs: number): RateDecision {
    return this.#decide(cost, nowMs, false);
  }

  #decide(cost: number, nowMs: number, takes: boolean): RateDecision {
    checkCost(cost);
    this.#refill(nowMs);
    const missing = cost - this.#tokens;
    if (missing <= ALLOWANCE) {
      if (takes) this.#tokens = Math.max(0, -missing);
      return { allowed: true, remaining: Math.floor(this.#tokens + ALLOWANCE), retryAfterMs: 0 };
    }
    const retryAfterMs = cost > this.#burst ? Number.POSITIVE_INFINITY : retryAfter(missing / this.#perMs);
    return { allowed: false, remaining: Math.max(0, Math.floor(this.#tokens + ALLOWANCE)), retryAfterMs };
  }

  giveBack(units: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + units);
  }

  charge(units: number, nowMs: number): void {
    checkCost(units);
    this.#refill(nowMs);
    this.#tokens = Math.max(-MAX_OWED_MS * this.#perMs, this.#tokens - units);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
