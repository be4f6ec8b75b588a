// Sliding window log: so many units in any window, exactly; it remembers each request, those that it refused too.

import { ALLOWANCE, checkCost, checkPositive, retryAfter } from './arithmetic.js';
import type { WindowOptions } from './fixed-window.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/** Chosen: requests that are remembered one by one, 16 bytes each. */
const MAX_ENTRIES = 1_024;
const NEVER = Number.POSITIVE_INFINITY;

export interface WindowLogOptions extends WindowOptions {
  /**
   * Whether what is refused counts too, as the algorithm is defined: who goes on asking is let through only once it has asked
   * for less. Default true.
   */
  readonly countRefused?: boolean;
}

/**
 * State: a ring of at most 1,024 requests. When it is full, the two newest become one at the later time, so that memory is
 * bounded and the limit is never exceeded, only kept a little longer.
 */
export class SlidingWindowLog implements RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #countRefused: boolean;
  readonly #times: number[] = [];
  readonly #costs: number[] = [];
  /** Index of the oldest entry; what lies before it is stale. */
  #first = 0;
  #used = 0;
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor({ limit, windowMs, countRefused = true }: WindowLogOptions) {
    this.#countRefused = countRefused;
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
    this.#forget();
    if (this.#used + cost <= this.#limit + ALLOWANCE) {
      if (takes && cost > 0) this.#remember(cost);
      return { allowed: true, remaining: this.#remaining(), retryAfterMs: 0 };
    }
    // What can never pass says nothing of how much is asked for.
    if (cost > this.#limit) return { allowed: false, remaining: this.#remaining(), retryAfterMs: NEVER };
    if (takes && cost > 0 && this.#countRefused) this.#remember(cost);
    const freeAtMs = this.#freeAt(this.#used + cost - this.#limit);
    return { allowed: false, remaining: this.#remaining(), retryAfterMs: retryAfter(freeAtMs - this.#nowMs) };
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

  /** When `units` of those in the window will have left it. */
  #freeAt(units: number): number {
    let freed = 0;
    for (let index = this.#first; index < this.#times.length; index++) {
      freed += this.#costs[index] ?? 0;
      if (freed + ALLOWANCE >= units) return (this.#times[index] ?? 0) + this.#windowMs;
    }
    return this.#nowMs + this.#windowMs;
  }

  #remaining(): number {
    return Math.max(0, Math.floor(this.#limit - this.#used + ALLOWANCE));
  }
}
