// What bytes cost that have to be looked at.

import { quotaOf, type RateLimitConfig } from './create-rate-limiter.js';

/** Specified: bytes of one unit. */
export const BYTES_PER_UNIT = 64 * 1024;

/** Units that a text costs before it is parsed: one for each whole 64 KiB, at least one, and no more than there ever are at once. */
export function textPrice(bytes: number, config: RateLimitConfig): number {
  const units = Math.floor(bytes / BYTES_PER_UNIT);
  return units > 1 ? Math.min(units, Math.max(1, Math.floor(quotaOf(config).quota))) : 1;
}
