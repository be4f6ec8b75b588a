// Makes the rate limiter that a configuration names.

import { FixedWindow, type WindowOptions } from './fixed-window.js';
import { LeakyBucket, type LeakyBucketOptions } from './leaky-bucket.js';
import type { RateLimiter } from './rate-limiter.js';
import { SlidingWindowCounter } from './sliding-window-counter.js';
import { SlidingWindowLog, type WindowLogOptions } from './sliding-window-log.js';
import { TokenBucket, type TokenBucketOptions } from './token-bucket.js';

/** One scope's limit. */
export type RateLimitConfig =
  | ({ readonly algorithm: 'token-bucket' } & TokenBucketOptions)
  | ({ readonly algorithm: 'leaky-bucket' } & LeakyBucketOptions)
  | ({ readonly algorithm: 'sliding-window-log' } & WindowLogOptions)
  | ({ readonly algorithm: 'fixed-window' | 'sliding-window-counter' } & WindowOptions);

/** Makes a limiter with nothing taken yet. Throws `TypeError` for numbers that make no limit. */
export function createRateLimiter(config: RateLimitConfig): RateLimiter {
  switch (config.algorithm) {
    case 'token-bucket':
      return new TokenBucket(config);
    case 'leaky-bucket':
      return new LeakyBucket(config);
    case 'fixed-window':
      return new FixedWindow(config);
    case 'sliding-window-log':
      return new SlidingWindowLog(config);
    case 'sliding-window-counter':
      return new SlidingWindowCounter(config);
  }
}

/** A limit as a quota in a window, which is how the `RateLimit-Policy` header names it. */
export function quotaOf(config: RateLimitConfig): { readonly quota: number; readonly windowMs: number } {
  switch (config.algorithm) {
    case 'token-bucket':
      return { quota: config.burst, windowMs: (config.burst / config.perSecond) * 1000 };
    case 'leaky-bucket': {
      const quota = config.capacity ?? 1;
      return { quota, windowMs: (quota / config.perSecond) * 1000 };
    }
    default:
      return { quota: config.limit, windowMs: config.windowMs };
  }
}
