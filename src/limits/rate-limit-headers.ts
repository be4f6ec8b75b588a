// The headers that tell a client its rate limit (draft-ietf-httpapi-ratelimit-headers-10).

import { HEADERS } from '../protocol/index.js';
import { quotaOf, type RateLimitConfig } from './create-rate-limiter.js';
import type { RateDecision } from './rate-limiter.js';

/** `RateLimit` and `RateLimit-Policy` for a decision under the limit called `name`. */
export function rateLimitHeaders(
  name: string,
  config: RateLimitConfig,
  decision: RateDecision,
): Readonly<Record<string, string>> {
  const { quota, windowMs } = quotaOf(config);
  const wait = decision.allowed || !Number.isFinite(decision.retryAfterMs) ? windowMs : decision.retryAfterMs;
  return {
    [HEADERS.rateLimitPolicy]: `"${name}";q=${Math.floor(quota)};w=${seconds(windowMs)}`,
    [HEADERS.rateLimit]: `"${name}";r=${decision.remaining};t=${seconds(wait)}`,
  };
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
