// Sliding window counter: two counts stand for a sliding window; smooth at the edges, no log.

import { ALLOWANCE, checkCost, checkPositive, retryAfter } from './arithmetic.js';
import type { WindowOptions } from './fixed-window.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/**
 * State: four numbers. The last window counts by the part of it that the sliding window still covers, as if its takes
 * had been spread evenly (Cloudflare's approximation, "How we built rate limiting capable of scaling to millions of
 * domains", 2017).
 */
export class SlidingWindowCounter implements RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #nowMs = Number.NEGATIVE_INFINITY;
  #current = 0;
  #previous = 0;

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

  #decide(cost: number, nowMs: number, takes: boolean): RateDecision {
    checkCost(cost);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    this.#turn(this.#nowMs);
    const elapsedMs = this.#nowMs - this.#startMs;
    const used = this.#current + this.#previous * (1 - elapsedMs / this.#windowMs);
    const allowed = used + cost <= this.#limit + ALLOWANCE;
    const taken = allowed && takes ? cost : 0;
    this.#current += taken;
    const remaining = Math.max(0, Math.floor(this.#limit - used - taken + ALLOWANCE));
    if (allowed) return { allowed, remaining, retryAfterMs: 0 };
    const retryAfterMs = cost > this.#limit ? Number.POSITIVE_INFINITY : retryAfter(this.#waitMs(cost) - elapsedMs);
    return { allowed, remaining, retryAfterMs };
  }

  giveBack(units: number, takenAtMs: number): void {
    if (takenAtMs >= this.#startMs) this.#current = Math.max(0, this.#current - units);
    else if (takenAtMs >= this.#startMs - this.#windowMs) this.#previous = Math.max(0, this.#previous - units);
  }

  #turn(nowMs: number): void {
    const startMs = Math.floor(nowMs / this.#windowMs) * this.#windowMs;
    if (startMs <= this.#startMs) return;
    this.#previous = startMs - this.#startMs <= this.#windowMs ? this.#current : 0;
    this.#current = 0;
    this.#startMs = startMs;
  }

  /** Milliseconds from the start of the current window until `cost` fits, if nothing else is taken. */
  #waitMs(cost: number): number {
    const room = this.#limit - this.#current - cost;
    if (room >= 0) return this.#windowMs * (1 - room / this.#previous);
    // Not in this window: in the next one, what is current now is the previous.
    return this.#windowMs * (2 - (this.#limit - cost) / this.#current);
  }
}
