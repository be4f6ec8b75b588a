// One rate limit for each of many users or addresses, made on first use, forgotten once it says nothing, and bounded in number.

import { createRateLimiter, quotaOf, type RateLimitConfig } from './create-rate-limiter.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/** Chosen: so many are kept whatever they say, or clients that poll each second would have theirs made anew each time. */
const KEPT = 1_024;
/** More than come at once: their number falls to those that say something. */
const LOOKS = 2;

/** Limits by key; one process's, or shared. */
export interface KeyedRateLimiter {
  take(key: string, cost: number, nowMs: number): RateDecision | Promise<RateDecision>;
}

/** One that answers at once. */
export interface LocalKeyedLimiter extends KeyedRateLimiter {
  take(key: string, cost: number, nowMs: number): RateDecision;
  /** The limit of one key; for this moment: ask again for the next one. */
  of(key: string, nowMs: number): RateLimiter;
}

/**
 * Limits that this process keeps. One that has all its units back is as good as a new one: whoever comes looks at two others
 * and has them forgotten where that is so. Beyond `maxKeys` one is forgotten whatever it says: that may cost a limit, never memory.
 */
export function createKeyedLimiter(config: RateLimitConfig, maxKeys = 50_000): LocalKeyedLimiter {
  return new KeyedLimiter(config, maxKeys);
}

class KeyedLimiter implements LocalKeyedLimiter {
  readonly #config: RateLimitConfig;
  readonly #maxKeys: number;
  readonly #tidyFrom: number;
  readonly #quota: number;
  readonly #byKey = new Map<string, RateLimiter>();
  /** The key that was asked for last, and its limit: one request asks for its own several times. */
  #lastKey: string | undefined;
  #last: RateLimiter | undefined;
  /** Goes round all keys. */
  #hand = this.#byKey.entries();

  constructor(config: RateLimitConfig, maxKeys: number) {
    this.#config = config;
    this.#maxKeys = maxKeys;
    this.#tidyFrom = Math.min(KEPT, maxKeys);
    this.#quota = Math.floor(quotaOf(config).quota);
  }

  take(key: string, cost: number, nowMs: number): RateDecision {
    return this.of(key, nowMs).take(cost, nowMs);
  }

  of(key: string, nowMs: number): RateLimiter {
    if (key === this.#lastKey && this.#last !== undefined) return this.#last;
    const limiter = this.#byKey.get(key) ?? this.#welcome(key, nowMs);
    this.#lastKey = key;
    this.#last = limiter;
    return limiter;
  }

  #welcome(key: string, nowMs: number): RateLimiter {
    if (this.#byKey.size >= this.#tidyFrom) this.#tidy(nowMs);
    const limiter = createRateLimiter(this.#config);
    this.#byKey.set(key, limiter);
    return limiter;
  }

  #tidy(nowMs: number): void {
    for (let look = 0; look < LOOKS; look++) {
      const [key, limiter] = this.#next() ?? [];
      if (key === undefined || limiter === undefined) break;
      this.#byKey.delete(key);
      // Behind all others: its turn comes again, however many come.
      if (!this.#isWhole(limiter, nowMs)) this.#byKey.set(key, limiter);
    }
    if (this.#byKey.size < this.#maxKeys) return;
    const [key] = this.#next() ?? [];
    if (key !== undefined) this.#byKey.delete(key);
  }

  #next(): [string, RateLimiter] | undefined {
    let { value } = this.#hand.next();
    if (value === undefined) {
      this.#hand = this.#byKey.entries();
      value = this.#hand.next().value;
    }
    return value;
  }

  /** Whether nothing is missing of it. */
  #isWhole(limiter: RateLimiter, nowMs: number): boolean {
    return limiter.peek(0, nowMs).remaining >= this.#quota;
  }
}
