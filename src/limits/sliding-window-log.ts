// Sliding window log: so many units in any window, exactly; it remembers each take.

import { ALLOWANCE, checkCost, checkPositive, retryAfter } from './arithmetic.js';
import type { WindowOptions } from './fixed-window.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/** Chosen: takes that are remembered one by one, 16 bytes each. */
const MAX_ENTRIES = 1_024;

/**
 * State: a ring of at most 1,024 takes. When it is full, the two newest become one at the later time, so that memory is
 * bounded and the limit is never exceeded, only kept a little longer.
 */
export class SlidingWindowLog implements RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #times: number[] = [];
  readonly #costs: number[] = [];
  /** Index of the oldest entry; what lies before it is stale. */
  #first = 0;
  #used = 0;
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor({ limit, windowMs }: WindowOptions) {
    this.#limit = checkPositive('limit', limit);
    this.#windowMs = checkPositive('windowMs', windowMs);
  }

  take(cost: number, nowMs: number): RateDecision {
    checkCost(cost);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    this.#forget();
    if (this.#used + cost <= this.#limit + ALLOWANCE) {
      if (cost > 0) this.#remember(cost);
      return { allowed: true, remaining: this.#remaining(), retryAfterMs: 0 };
    }
    const freeAtMs = this.#freeAt(this.#used + cost - this.#limit);
    const retryAfterMs = freeAtMs === undefined ? Number.POSITIVE_INFINITY : retryAfter(freeAtMs - nowMs);
    return { allowed: false, remaining: this.#remaining(), retryAfterMs };
  }

  giveBack(units: number, takenAtMs: number): void {
    // Takes that became one stand at the later time.
    let index = this.#first;
    while (index < this.#times.length && (this.#times[index] ?? 0) < takenAtMs) index++;
    const taken = this.#costs[index];
    if (taken === undefined) return;
    const back = Math.min(units, taken);
    this.#costs[index] = taken - back;
    this.#used -= back;
  }

  #forget(): void {
    const staleMs = this.#nowMs - this.#windowMs;
    while (this.#first < this.#times.length && (this.#times[this.#first] ?? 0) <= staleMs) {
      this.#used -= this.#costs[this.#first] ?? 0;
      this.#first++;
    }
    if (this.#first === this.#times.length) {
      this.#drop(this.#first);
      this.#used = 0; // and with it what floating point left behind
    } else if (this.#first >= MAX_ENTRIES) {
      this.#drop(this.#first);
    }
  }

  #drop(count: number): void {
    this.#times.splice(0, count);
    this.#costs.splice(0, count);
    this.#first = 0;
  }

  #remember(cost: number): void {
    this.#used += cost;
    const last = this.#times.length - 1;
    const full = this.#times.length - this.#first >= MAX_ENTRIES;
    if (full || this.#times[last] === this.#nowMs) {
      this.#times[last] = this.#nowMs;
      this.#costs[last] = (this.#costs[last] ?? 0) + cost;
    } else {
      this.#times.push(this.#nowMs);
      this.#costs.push(cost);
    }
  }

  /** When `units` will have left the window; `undefined` when there are not as many in it. */
  #freeAt(units: number): number | undefined {
    let freed = 0;
    for (let index = this.#first; index < this.#times.length; index++) {
      freed += this.#costs[index] ?? 0;
      if (freed + ALLOWANCE >= units) return (this.#times[index] ?? 0) + this.#windowMs;
    }
    return undefined;
  }

  #remaining(): number {
    return Math.max(0, Math.floor(this.#limit - this.#used + ALLOWANCE));
  }
}
