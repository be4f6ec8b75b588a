// The cluster's counts of shared limits, kept in Redis: one function, one key for each subject.

import { createHash } from 'node:crypto';
import { FanfareError } from '../../lib/errors.js';
import type { RateLimitConfig } from '../../limits/create-rate-limiter.js';
import type { Lease, LeaseOrder } from '../../limits/shared-limiter.js';
import type { LeaseStore } from '../../limits/shared-limits.js';
import type { RedisConnection } from './connection.js';
import { unavailableError } from './errors.js';

/** `member` tells this process from others. The connection is the caller's to start and close. */
export function createRedisLeases(connection: Pick<RedisConnection, 'prefix' | 'call'>, member: string): LeaseStore {
  return {
    async lease({ subject, config, spent, wanted }: LeaseOrder): Promise<Lease> {
      // A subject may be any text of any length.
      const digest = createHash('sha256').update(subject).digest('base64url').slice(0, 32);
      const keys = [`${connection.prefix}:{!limit:${digest}}`];
      const args = [...numbersOf(config), member, spent, wanted];
      const answer = await connection.call('write', 'limit_lease', keys, args);
      const [granted, remaining, retryAfterMs] = Array.isArray(answer) ? answer.map(Number) : [];
      if (granted === undefined || remaining === undefined || retryAfterMs === undefined || Number.isNaN(granted))
        throw unavailableError('a shared limit in Redis gave an answer that is none');
      return { granted, remaining, retryAfterMs };
    },
  };
}

/** Kind and numbers, as the function takes them. Throws `internal` for one that is never shared. */
function numbersOf(config: RateLimitConfig): readonly [kind: string, a: number, b: number] {
  switch (config.algorithm) {
    case 'token-bucket':
      return ['bucket', config.perSecond, config.burst];
    case 'leaky-bucket':
      return ['bucket', config.perSecond, config.capacity ?? 1];
    case 'fixed-window':
      return ['fixed', config.limit, config.windowMs];
    case 'sliding-window-counter':
      return ['counter', config.limit, config.windowMs];
    case 'sliding-window-log':
      throw new FanfareError('internal', 'a sliding-window-log is not shared');
  }
}
