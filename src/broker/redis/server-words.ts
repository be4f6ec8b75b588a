// Finds the words for what is wrong with a Redis server.

import { isUnknownCommand, missingCommandsError, UnfitRedisError } from './errors.js';
import { isSentinelRefusal, sentinelReason } from './sentinel-credentials.js';

/** The reason inside what ioredis says when no node of a Cluster, or no Sentinel, answered. */
export function hintOf(error: unknown): unknown {
  const sentinels = sentinelReason(error);
  if (sentinels !== undefined) {
    const cause = new Error(sentinels);
    if (!isSentinelRefusal(error)) return new Error(`all Sentinels are unreachable: ${sentinels}`, { cause });
    const advice = 'put theirs into FANFARE_REDIS_SENTINEL_AUTH (user:password), or into the Redis URL';
    return new UnfitRedisError(`the Sentinels refuse the user or password: ${advice}`, cause);
  }
  if (error instanceof Error && /DB index is out of range/i.test(error.message)) {
    const advice = 'raise `databases` in its configuration, or name another one in the Redis URL';
    return new UnfitRedisError(`Redis has no database of this number: ${advice}`, error);
  }
  if (isUnknownCommand(error)) return missingCommandsError([commandIn(error)], error);
  const inner = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : undefined;
  if (!(inner instanceof Error)) return error;
  if (/cluster support disabled/i.test(inner.message)) {
    return new UnfitRedisError(
      'this Redis is not part of a Redis Cluster: name it as redis:// in the Redis URL',
      inner,
    );
  }
  return inner;
}

/** The name in `ERR unknown command 'INFO', with args …`. */
function commandIn(error: unknown): string {
  return /command [\u0060'"]?([A-Za-z|.]+)/.exec(String(error))?.[1]?.toUpperCase() ?? 'one';
}

/** Whether `error` says only that there is no connection, and not why. */
export function isVague(error: unknown): boolean {
  return /Connection is closed|Socket closed unexpectedly|ECONNRESET|EPIPE/i.test(reasonOf(error));
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message !== '' ? error.message : error.name;
}

/** For the log, which names the key: it is ours, and what it is for is written anew. */
export const MENDED_KEY = 'a key of ours in Redis held something else, and was taken away: who may write there?';
