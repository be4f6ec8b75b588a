// Finds out which commands, keys and channels of ours a Redis server does not give its user.

import type { Redis } from 'ioredis';
import { isRefusal, isUnknownCommand, replyCode, UnfitRedisError } from './errors.js';
import type { RedisNames } from './names.js';

export interface Rights {
  /** What `ACL SETUSER` would have to be told; empty where nothing is lacking. */
  readonly lackingRules: readonly string[];
  /** Commands that the server does not have, or has under another name. */
  readonly missingCommands: readonly string[];
  /** The error with which it refuses every write now: a full disk or memory, too few replicas. */
  readonly refusesWrites: Error | undefined;
}

/** Replies with which a server refuses what it would take at another time. */
const REFUSED_NOW: ReadonlySet<string> = new Set(['MISCONF', 'OOM', 'NOREPLICAS', 'READONLY']);

/** Asks for everything that we and our functions use, on a key that nobody has; changes nothing. */
export async function rightsOf(client: Redis, names: RedisNames, inCluster: boolean): Promise<Rights> {
  const pipeline = client.pipeline();
  const probes = harmless(names, inCluster);
  for (const [command, ...args] of probes) pipeline.call(command, ...args);
  const answers = (await pipeline.exec()) ?? [];
  const lacking = new Set<string>();
  const missing = new Set<string>();
  let refusesWrites: Error | undefined;
  for (const [index, [error]] of answers.entries()) {
    const probe = probes[index] ?? [];
    if (isRefusal(error)) lacking.add(lackingRule(String(error), probe, names));
    else if (isUnknownCommand(error)) missing.add(nameOf(probe));
    else if (error !== null && REFUSED_NOW.has(replyCode(error) ?? '')) refusesWrites ??= error;
  }
  return { lackingRules: [...lacking], missingCommands: [...missing], refusesWrites };
}

/** Names what is lacking of what was refused, such as a subscription, which cannot be asked for without making it; `undefined` for other errors. */
export function lackingRight(error: unknown, command: string, names: RedisNames): UnfitRedisError | undefined {
  if (replyCode(error) !== 'NOPERM') return undefined;
  const [, named = command] = /'([a-z|]+)' command/.exec(String(error)) ?? [];
  return lackingRights([lackingRule(String(error), [named], names)], error);
}

export function lackingRights(rules: readonly string[], cause?: unknown): UnfitRedisError {
  const advice = 'see the ACL in docs/OPERATIONS.md';
  return new UnfitRedisError(`the Redis user lacks a permission, ${advice}: ${rules.join(' ')}`, cause);
}

/** Where a command has parts that are allowed each by itself, with its part. */
function nameOf([command = '', sub = '']: readonly string[]): string {
  return command === 'FUNCTION' || command === 'XINFO' ? `${command} ${sub}` : command;
}

function lackingRule(answer: string, probe: readonly string[], { prefix, bus }: RedisNames): string {
  if (/\bchannels?\b/.test(answer)) return `&${bus}:*`;
  if (/\bkeys?\b/.test(answer)) return `~${prefix}:*`;
  return `+${nameOf(probe).toLowerCase().replace(' ', '|')}`;
}

/** Redis judges permissions before it looks at arguments: none of these changes anything. */
function harmless(names: RedisNames, inCluster: boolean): readonly (readonly [string, ...string[]])[] {
  const key = `${names.prefix}:{!probe}`;
  return [
    ...(names.database === 0 ? [] : [['SELECT', String(names.database)] as const]),
    ['FUNCTION', 'LOAD', ''],
    // Nobody has a function of this name.
    ['FCALL', '!none', '1', key],
    [inCluster ? 'SPUBLISH' : 'PUBLISH', `${names.bus}:{!probe}`, ''],
    // Without a channel, so that the connection stays what it is: tells whether it exists, not whether it is allowed.
    [inCluster ? 'SSUBSCRIBE' : 'SUBSCRIBE'],
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
