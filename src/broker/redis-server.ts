// Looks at a Redis server before it is used, and finds the words for what is wrong with it.

import type { Redis } from 'ioredis';
import { isRefusal, unavailableError } from './redis-errors.js';

/** Refuses what cannot serve: a Redis without functions, a replica, a member of a Cluster that we were not told of. */
export async function checkServer(client: Redis, inCluster: boolean): Promise<void> {
  let info: string;
  try {
    info = await client.info('server', 'replication', 'cluster');
  } catch (error) {
    if (isRefusal(error)) return;
    throw error;
  }
  const version = /redis_version:(\S+)/.exec(info)?.[1] ?? '7';
  if (Number.parseInt(version, 10) < 7) {
    throw unavailableError(`Redis ${version} has no functions: use Redis 7 or later, or Valkey`);
  }
  if (!inCluster && /^cluster_enabled:1/m.test(info)) {
    throw unavailableError('this Redis is part of a Redis Cluster: name it as redis+cluster:// in the Redis URL');
  }
  if (/^role:slave/m.test(info)) {
    throw unavailableError('this Redis is a read-only replica: name the master in the Redis URL, or use Sentinel');
  }
}

/** The reason inside what ioredis says when no node of a Cluster answered. */
export function hintOf(error: unknown): unknown {
  const inner = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : undefined;
  if (!(inner instanceof Error)) return error;
  if (/cluster support disabled/i.test(inner.message)) {
    return unavailableError('this Redis is not part of a Redis Cluster: name it as redis:// in the Redis URL', inner);
  }
  return inner;
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message !== '' ? error.message : error.name;
}
