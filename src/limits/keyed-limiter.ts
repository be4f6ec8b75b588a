// One rate limit for each of many users or addresses, made on first use and bounded in number.

import { LRUCache } from 'lru-cache';
import { createRateLimiter, type RateLimitConfig } from './create-rate-limiter.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/** Limits by key; one process's, or shared. */
export interface KeyedRateLimiter {
  take(key: string, cost: number, nowMs: number): RateDecision | Promise<RateDecision>;
}

/** One that answers at once. */
export interface LocalKeyedLimiter extends KeyedRateLimiter {
  take(key: string, cost: number, nowMs: number): RateDecision;
}

/** Limits that this process keeps. Beyond `maxKeys` the longest unused is forgotten: that may cost a limit, never memory. */
export function createKeyedLimiter(config: RateLimitConfig, maxKeys = 50_000): LocalKeyedLimiter {
  const limiters = new LRUCache<string, RateLimiter>({ max: maxKeys });
  return {
    take(key, cost, nowMs) {
      let limiter = limiters.get(key);
      if (limiter === undefined) {
        limiter = createRateLimiter(config);
        limiters.set(key, limiter);
      }
      return limiter.take(cost, nowMs);
    },
  };
}
