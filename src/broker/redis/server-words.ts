// Finds the words for what is wrong with a Redis server.

import { UnfitRedisError } from './errors.js';

/** The reason inside what ioredis says when no node of a Cluster answered. */
export function hintOf(error: unknown): unknown {
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

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message !== '' ? error.message : error.name;
}

/** For the log, which names the key: it is ours, and what it is for is written anew. */
export const MENDED_KEY = 'a key of ours in Redis held something else, and was taken away: who may write there?';
