// Has what is no answer of Redis end the connection that it came on, which is made anew: for most of it ioredis would end the process.

import { createRequire } from 'node:module';
import { Cluster, type Redis } from 'ioredis';
import { calm } from '../../lib/calm.js';
import type { Logger } from '../../lib/logger.js';

/** Chosen: enough of what came to see who is talking. */
const EXCERPT_LENGTH = 60;

/** Something came that nobody waits for, or that is no reply: nothing on that connection can be told apart any more. */
export class StrayReplyError extends Error {
  override readonly name = 'StrayReplyError';
}

/** What hands the replies of one connection on, inside ioredis: as much of it as is changed here. */
interface ReplyHandler {
  readonly redis: {
    readonly stream: { readonly destroyed: boolean; destroy(): void };
    readonly commandQueue: { readonly length: number };
    recoverFromFatalError(error: Error, same: Error, flushed: { offlineQueue: boolean }): void;
  };
  /** Each reply goes through it; what `handle` throws it would throw outside of any call. */
  dispatch(handle: () => void): void;
  /** The command that a reply is for. */
  shiftCommand(reply: unknown): unknown;
  /** The bytes cannot be read as replies. */
  returnFatalError(error: Error): void;
}

interface HandlerModule {
  readonly default: { readonly prototype: ReplyHandler };
}

let isGuarded = false;

/** For every connection of the process, also those that ioredis makes by itself to Sentinels and nodes of a Cluster. Idempotent. */
export function guardReplies(): void {
  if (isGuarded) return;
  // It has no other way in, and is CommonJS: as `require` gives it, it is the same everywhere.
  const { default: handlers }: HandlerModule = createRequire(import.meta.url)('ioredis/built/DataHandler.js');
  const handler = handlers.prototype;
  const { shiftCommand } = handler;
  handler.dispatch = function (handle) {
    // The rest of what came with it.
    if (this.redis.stream.destroyed) return;
    try {
      handle();
    } catch (error) {
      giveUp(this, error instanceof StrayReplyError ? error : brokenBy(error));
    }
  };
  handler.shiftCommand = function (reply) {
    if (this.redis.commandQueue.length > 0) return shiftCommand.call(this, reply);
    throw new StrayReplyError(`an answer came that nobody waits for: ${excerptOf(reply)}`);
  };
  handler.returnFatalError = function (error) {
    giveUp(this, new StrayReplyError(`what answers there is no Redis: ${error.message}`, { cause: error }));
  };
  isGuarded = true;
}

/** Rejects what waits for an answer, and does not wait for the other end to let go. */
function giveUp({ redis }: ReplyHandler, error: StrayReplyError): void {
  redis.recoverFromFatalError(error, error, { offlineQueue: false });
  redis.stream.destroy();
}

function brokenBy(cause: unknown): StrayReplyError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new StrayReplyError(`an answer came that cannot be taken: ${words}`, { cause });
}

function excerptOf(reply: unknown): string {
  if (reply instanceof Error) return reply.message.slice(0, EXCERPT_LENGTH);
  const text = Buffer.isBuffer(reply) ? reply.toString('latin1', 0, EXCERPT_LENGTH) : reply;
  return (JSON.stringify(text) ?? String(text)).slice(0, EXCERPT_LENGTH);
}

/** Has the log say why a connection that stood is made anew; one that never stood is told by whoever waits for it. */
export function tellStrays(client: Redis | Cluster, logger: Logger): void {
  const tell = (error: unknown) => {
    if (!(error instanceof StrayReplyError) || client.status !== 'ready') return;
    calm(logger).warn({ error }, 'what came from Redis is no answer: the connection is made anew');
  };
  client.on(client instanceof Cluster ? 'node error' : 'error', tell);
}
