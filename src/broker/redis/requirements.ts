// What a Redis server has to be and to allow before it is used.

import type { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.js';
import { isRefusal, UnfitRedisError, unavailableError } from './errors.js';

export interface Requirements {
  readonly prefix: string;
  readonly inCluster: boolean;
  /** What can be mended while it is used refuses the start only, and is warned of afterwards. */
  readonly starting: boolean;
  readonly logger: Logger;
}

/**
 * Rejects with `UnfitRedisError`, which names the setting to change, for a Redis without functions, one that may evict
 * history, a member of a Cluster that we were not told of, and a user without our commands, keys or bus; with
 * `broker_unavailable` for a replica, which may be promoted.
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
  await requirePermissions(client, requirements);
  requireNoEviction(info, requirements);
}

function fieldOf(info: string, name: string): string | undefined {
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

/** Asks for everything that we and our functions use, on a key that nobody has. */
async function requirePermissions(client: Redis, { prefix, inCluster }: Requirements): Promise<void> {
  const pipeline = client.pipeline();
  const probes = harmless(`${prefix}:{!probe}`, inCluster);
  for (const [command, ...args] of probes) pipeline.call(command, ...args);
  const answers = (await pipeline.exec()) ?? [];
  const lacking = new Set<string>();
  for (const [index, [error]] of answers.entries()) {
    if (!isRefusal(error)) continue;
    lacking.add(lackingRule(String(error), probes[index] ?? [], prefix));
  }
  if (lacking.size === 0) return;
  throw new UnfitRedisError(
    `the Redis user lacks a permission, see the ACL in docs/OPERATIONS.md: ${[...lacking].join(' ')}`,
  );
}

/** What `ACL SETUSER` would have to be told. */
function lackingRule(answer: string, [command = '', sub = '']: readonly string[], prefix: string): string {
  if (/\bchannels?\b/.test(answer)) return `&${prefix}:*`;
  if (/\bkeys?\b/.test(answer)) return `~${prefix}:*`;
  const name = command === 'FUNCTION' || command === 'XINFO' ? `${command}|${sub}` : command;
  return `+${name.toLowerCase()}`;
}

/** Redis judges permissions before it looks at arguments: none of these changes anything. */
function harmless(key: string, inCluster: boolean): readonly (readonly [string, ...string[]])[] {
  return [
    ['FUNCTION', 'LOAD', ''],
    [inCluster ? 'SPUBLISH' : 'PUBLISH', key, ''],
    ['TIME'],
    ['EXISTS', key],
    ['GET', key],
    ['GETRANGE', key, '0', '0'],
    ['MGET', key],
    ['SET', key, '', 'XX'],
    ['DEL', key],
    ['TYPE', key],
    ['UNLINK', key],
    ['PTTL', key],
    ['PEXPIRE', key, '1'],
    ['XADD', key, 'NOMKSTREAM', '*', 'd', ''],
    ['XDEL', key, '0-1'],
    ['XTRIM', key, 'MAXLEN', '0'],
    ['XRANGE', key, '-', '+', 'COUNT', '1'],
    ['XREVRANGE', key, '+', '-', 'COUNT', '1'],
    ['XINFO', 'STREAM', key],
    ['HGET', key, 'f'],
    ['HMGET', key, 'f'],
    ['HGETALL', key],
    ['HLEN', key],
    ['HRANDFIELD', key, '1'],
    ['HDEL', key, 'f'],
    // A field without a value, and no number: refused, but only after the permission.
    ['HSET', key, 'f', '', 'g'],
    ['HINCRBY', key, 'f', 'none'],
    ['ZADD', key, 'XX', '0', 'm'],
    ['ZREM', key, 'm'],
    ['ZRANGEBYSCORE', key, '0', '0'],
  ];
}
