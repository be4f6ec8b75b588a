// The one place that maps what Redis and ioredis answer to our error codes.

import { FanfareError } from '../../lib/errors.js';
import type { Code } from '../../protocol/index.js';

/** Chosen: when to try again while Redis is away or changing roles. */
const RETRY_AFTER_MS = 1_000;

interface Meaning {
  readonly code: Code;
  readonly message: string;
}

const unavailable = (message: string): Meaning => ({ code: 'broker_unavailable', message });

/** First word of an error reply → what it means to whoever asked. */
const REPLIES: Readonly<Record<string, Meaning>> = {
  BADCHANNEL: { code: 'bad_channel_name', message: 'the channel name breaks a rule' },
  BADKEY: { code: 'bad_idempotency_key', message: 'the idempotency key breaks a rule' },
  TOOLARGE: { code: 'payload_too_large', message: 'the message is over the limit of the function library in Redis' },
  CONFLICT: { code: 'idempotency_conflict', message: 'the idempotency key was used with other data' },
  OOM: { code: 'storage_full', message: 'Redis has reached its maxmemory' },
  NOREPLICAS: { code: 'replicas_unavailable', message: 'Redis has fewer good replicas than min-replicas-to-write' },
  READONLY: unavailable('Redis is a read-only replica'),
  LOADING: unavailable('Redis is loading its data'),
  MASTERDOWN: unavailable('Redis is a replica that has lost its master'),
  CLUSTERDOWN: unavailable('the Redis Cluster does not serve this slot'),
  TRYAGAIN: unavailable('the Redis Cluster is moving this slot'),
  MOVED: unavailable('the Redis Cluster has moved this slot'),
  ASK: unavailable('the Redis Cluster is moving this slot'),
  MISCONF: unavailable('Redis cannot persist and refuses writes (MISCONF)'),
  BUSY: unavailable('Redis is busy with a script'),
  NOAUTH: unavailable('Redis asks for a password: put one into the Redis URL'),
  WRONGPASS: unavailable('Redis refuses the user or password of the Redis URL'),
  NOPERM: unavailable('the Redis user lacks a permission: see the ACL in docs/OPERATIONS.md'),
  BADLOG: { code: 'internal', message: 'the log or tail of the channel ends with an id that nothing can follow' },
  WRONGTYPE: { code: 'internal', message: "a key of the channel holds another type than Fanfare's" },
};

/** Start-up stops at these: waiting does not mend them. */
const REFUSALS = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);

const UNKNOWN_COMMAND = /\bERR unknown (sub)?command/i;
const NOT_OFFERED = /unsupported|disabled|not (available|allowed|supported|permitted|enabled)/i;

/** Redis answers, and cannot serve us until a setting is changed: waiting does not mend it. */
export class UnfitRedisError extends FanfareError {
  /** The message names the setting. */
  constructor(message: string, cause?: unknown) {
    super('broker_unavailable', message, { cause, retryAfterMs: RETRY_AFTER_MS });
  }
}

/** What ioredis puts before whatever ended the last attempt on a Cluster; those before it were all redirected. */
const REDIRECTED = /^Too many Cluster redirections\. Last error: (?:[A-Za-z]*Error: )?/;

/** What is said of the last attempt; empty when `error` is none. */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(REDIRECTED, '') : '';
}

/** How Redis words within a function what it calls NOPERM elsewhere: 7.0, then 7.2 and Valkey. */
const REFUSED_IN_FUNCTION = /^ERR (The user executing the script|ACL failure in script)/;

/** The first word of Redis' error reply, NOPERM also where it is a function that was refused; `undefined` when `error` is none. */
export function replyCode(error: unknown): string | undefined {
  if (REFUSED_IN_FUNCTION.test(textOf(error))) return 'NOPERM';
  return /^[A-Z][A-Z0-9]+(?= )/.exec(textOf(error))?.[0];
}

export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(replyCode(error) ?? '');
}

/** Whether Redis answers and refuses to write, until its disk has room again, or replicas are back. */
export function isWriteRefusal(error: unknown): boolean {
  const reply = replyCode(error instanceof FanfareError ? error.cause : error) ?? '';
  return reply === 'MISCONF' || reply === 'NOREPLICAS';
}

/** Whether what failed with `internal` names what was asked for, as a key of another type; `ERR` may be the whole server's. */
export function isOfKeys({ cause }: FanfareError): boolean {
  return /^(WRONGTYPE|BAD[A-Z]+)$/.test(replyCode(cause) ?? '');
}

/** Whether it cannot persist. */
export function isDiskRefusal(error: unknown): boolean {
  return replyCode(error) === 'MISCONF';
}

/** Whether another node of the Cluster has the key, or none. */
export function isElsewhere(error: unknown): boolean {
  return ['MOVED', 'ASK', 'CLUSTERDOWN', 'TRYAGAIN'].includes(replyCode(error) ?? '');
}

/** Whether the server lacks the command, or has it under another name; managed ones say so in words of their own. */
export function isUnknownCommand(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { message } = error;
  return UNKNOWN_COMMAND.test(message) || (/^ERR\b.*\bcommand\b/i.test(message) && NOT_OFFERED.test(message));
}

/** Names the commands that are missing. */
export function missingCommandsError(commands: readonly string[], cause?: unknown): UnfitRedisError {
  const named = commands.join(', ');
  const advice = 'take rename-command out of its configuration, or use a Redis or Valkey that has it';
  return new UnfitRedisError(`Redis lacks a command that Fanfare needs, ${named}: ${advice}`, cause);
}

/** Whether the function library is missing, as after FUNCTION FLUSH or a restart without persistence. */
export function isFunctionMissing(error: unknown): boolean {
  return error instanceof Error && /^ERR Function not found/i.test(error.message);
}

/** The client was not connected. */
const NOT_SENT = /^(Stream isn't writeable|Cluster is|None of startup nodes)/;

/** Whether the command, or the last attempt at it, never left this process. */
function wasNotSent(error: unknown): boolean {
  return NOT_SENT.test(textOf(error));
}

/**
 * An error of a command as one of ours. `effect: 'write'`: when the command was sent and no answer came, it may have
 * happened, which is `ack_timeout`; a read that got no answer is just `broker_unavailable`.
 */
export function toFanfareError(error: unknown, effect: 'write' | 'read'): FanfareError {
  if (error instanceof FanfareError) return error;
  const reply = replyCode(error);
  const meaning = reply === undefined ? undefined : REPLIES[reply];
  if (meaning !== undefined) {
    if (isRefusal(error)) return new UnfitRedisError(meaning.message, error);
    const retry = meaning.code === 'broker_unavailable' || meaning.code === 'replicas_unavailable';
    return new FanfareError(meaning.code, meaning.message, {
      cause: error,
      ...(retry && { retryAfterMs: RETRY_AFTER_MS }),
    });
  }
  if (reply !== undefined) return new FanfareError('internal', 'Redis refused a command', { cause: error });
  if (effect === 'read' || wasNotSent(error)) return unavailableError('Redis cannot be reached', error);
  return new FanfareError('ack_timeout', 'the message was sent to Redis and no answer came', {
    cause: error,
    outcome: 'unknown',
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** Nobody who loads the function library has been at this Redis: there is no cluster yet. */
export class NoLibraryError extends FanfareError {
  constructor() {
    super('no_capacity', 'no node has loaded the function library into Redis yet', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
}

export function unavailableError(message: string, cause?: unknown): FanfareError {
  return new FanfareError('broker_unavailable', message, { cause, retryAfterMs: RETRY_AFTER_MS });
}

/** Stored or not, nobody can say: it was none of our functions that answered a publish, which answer `expected`. */
export function foreignAnswer(expected: string): FanfareError {
  const details = { outcome: 'unknown', retryAfterMs: 1_000 } as const;
  const message = `the publish function in Redis answered something else than ${expected}`;
  return new FanfareError('ack_timeout', message, details);
}
