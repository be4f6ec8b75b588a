// What a configured limit is here: an algorithm with its numbers, and whom it counts.

import type { LimitSetting } from '../config/limits.js';
import type { RateLimitConfig } from './create-rate-limiter.js';
import type { Limit } from './subject-limit.js';

/** Nobody is counted by it. */
const OFF: RateLimitConfig = { algorithm: 'token-bucket', perSecond: 1, burst: 1 };

/** `undefined` is a limit that is off. */
export function limitOf(name: string, setting: LimitSetting | undefined): Limit {
  if (setting === undefined) return { name, by: [], config: OFF };
  const { by, together, shared } = setting;
  const own: Limit = { name, by: [by], config: rateConfigOf(setting), shared };
  return together === 0 ? own : { ...own, together: rateConfigOf(setting, together) };
}

/** The algorithm's own numbers, so many times as large. */
export function rateConfigOf({ algorithm, rate, burst, countRefused }: LimitSetting, times = 1): RateLimitConfig {
  const perSecond = (times * rate.units * 1_000) / rate.perMs;
  const window = { limit: times * rate.units, windowMs: rate.perMs };
  switch (algorithm) {
    case 'token-bucket':
      return { algorithm, perSecond, burst: times * burst };
    case 'leaky-bucket':
      return { algorithm, perSecond, capacity: times * burst };
    case 'sliding-window-log':
      return { algorithm, ...window, countRefused };
    default:
      return { algorithm, ...window };
  }
}
