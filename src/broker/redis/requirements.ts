// What a Redis server has to be and to allow before it is used.

import type { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.js';
import { missingCommandsError, UnfitRedisError, unavailableError } from './errors.js';
import type { RedisNames } from './names.js';
import { lackingRights, rightsOf } from './rights.js';

export interface Requirements {
  readonly names: RedisNames;
  readonly inCluster: boolean;
  /** What can be mended while it is used refuses the start only, and is warned of afterwards. */
  readonly starting: boolean;
  readonly logger: Logger;
}

/**
 * Rejects with `UnfitRedisError`, which names the setting to change, for a Redis without functions, one that may evict
 * history, a member of a Cluster that we were not told of, a server without one of our commands or without the database, and a user without our
 * commands, keys or bus; with `broker_unavailable` for a replica, which may be promoted.
 */
export async function requireFit(client: Redis, requirements: Requirements): Promise<void> {
  const info = await client.info('server', 'replication', 'cluster', 'memory');
  const version = fieldOf(info, 'redis_version') ?? '7';
  if (Number.parseInt(version, 10) < 7) {
    throw new UnfitRedisError(`Redis ${version} has no functions: use Redis 7 or later, or Valkey`);
  }
  if (!requirements.inCluster && fieldOf(info, 'cluster_enabled') === '1') {
    throw new UnfitRedisError('this Redis is part of a Redis Cluster: name it as redis+cluster:// in the Redis URL');
  }
  if (fieldOf(info, 'role') === 'slave') {
    throw unavailableError('this Redis is a read-only replica: name the master in the Redis URL, or use Sentinel');
  }
  await requireRights(client, requirements);
  await requireDatabase(client, requirements);
  requireNoEviction(info, requirements);
}

/** A field of what `INFO` answers. */
export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}

/** Keys of ours all have a time to live, so the `volatile-` policies evict them as well. */
function requireNoEviction(info: string, { starting, logger }: Requirements): void {
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return;
  const advice = 'set maxmemory-policy noeviction';
  if (fieldOf(info, 'maxmemory') === '0') {
    logger.warn({ policy }, `Redis would evict history if it had a maxmemory: ${advice}`);
    return;
  }
  const message = `Redis evicts history when it is full (maxmemory-policy ${policy}): ${advice}`;
  if (starting) throw new UnfitRedisError(message);
  logger.warn({ policy }, message);
}

/** A client that may not, or cannot, select a database goes on in database 0 without a word. */
async function requireDatabase(client: Redis, { names: { database } }: Requirements): Promise<void> {
  if (database !== 0) await client.select(database);
}

async function requireRights(client: Redis, { names, inCluster }: Requirements): Promise<void> {
  const { lackingRules, missingCommands } = await rightsOf(client, names, inCluster);
  if (missingCommands.length > 0) throw missingCommandsError(missingCommands);
  if (lackingRules.length > 0) throw lackingRights(lackingRules);
}
