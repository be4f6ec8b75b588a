// The events that every kind of link sends in the same words: what it is connected to, and what went wrong.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { ConnectedEvent, ErrorEvent } from '../../protocol/index.js';
import type { PushNodeOptions } from '../node-options.js';

/** What a client learns when it is admitted. */
export function connectedEvent(options: PushNodeOptions, identity: Identity, connection: string): ConnectedEvent {
  return {
    type: 'connected',
    connection,
    node: options.id,
    user: identity.user,
    ...expiry(identity),
    heartbeatMs: options.heartbeatMs,
    limits: {
      maxFrameBytes: options.maxFrameBytes,
      maxMessageBytes: options.maxMessageBytes,
      channelsPerConnection: options.channelsPerConnection,
    },
  };
}

/** `expiresInMs`, as a part to spread; nothing when the identity does not expire. */
export function expiry(identity: Identity): { readonly expiresInMs?: number } {
  if (!Number.isFinite(identity.expiresAtMs)) return {};
  return { expiresInMs: Math.max(0, identity.expiresAtMs - Date.now()) };
}

/** Any thrown value as an `error` event; what has no code of ours is logged and told as `internal`. */
export function errorEvent(error: unknown, id: number | undefined, logger: Logger): ErrorEvent {
  if (!(error instanceof FanfareError)) logger.error({ error }, 'a command failed');
  const known = error instanceof FanfareError ? error : new FanfareError('internal', 'something went wrong here');
  const channel = known.channels?.length === 1 ? known.channels[0] : undefined;
  return {
    type: 'error',
    ...(id !== undefined && { id }),
    ...(channel !== undefined && { channel }),
    code: known.code,
    message: known.message,
    ...(known.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
  };
}
