import type { RateLimiter } from './rate-limiter.js';
export function createRateLimiter(_o: object): RateLimiter {
  return { take: () => ({ allowed: true, remaining: 1, retryAfterMs: 0 }) };
}
