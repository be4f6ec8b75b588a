// The events that every kind of link sends in the same words: what it is connected to, and what went wrong.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { AnnouncedLimits, ConnectedEvent, ErrorEvent, Feature } from '../../protocol/index.js';

/** What a node tells every client of itself. */
export interface ConnectedTerms {
  /** The node's id. */
  readonly id: string;
  readonly heartbeatMs: number;
  /** How often a link's peer is pinged, whatever its heartbeat; one that is silent for twice that is dead. */
  readonly pingMs: number;
  readonly limits: AnnouncedLimits;
}

/** What a node of such options tells. */
export function connectedTerms(options: Omit<ConnectedTerms, 'limits'> & AnnouncedLimits): ConnectedTerms {
  const { id, heartbeatMs, pingMs, maxFrameBytes, maxMessageBytes, channelsPerConnection } = options;
  return { id, heartbeatMs, pingMs, limits: { maxFrameBytes, maxMessageBytes, channelsPerConnection } };
}

/** What was agreed with one client. */
export interface LinkTerms {
  readonly connection: string;
  readonly heartbeatMs: number;
  /** Those granted. */
  readonly features: readonly Feature[];
}

/** What a client learns when it is admitted; `id` is that of its command, where there was one. */
export function connectedEvent(
  terms: ConnectedTerms,
  identity: Identity,
  link: LinkTerms,
  id?: number,
): ConnectedEvent {
  const { connection, heartbeatMs, features } = link;
  const { id: node, limits } = terms;
  const event: Writable<ConnectedEvent> = {
    type: 'connected',
    connection,
    node,
    user: identity.user,
    heartbeatMs,
    limits,
  };
  if (id !== undefined) event.id = id;
  const { expiresInMs } = expiry(identity);
  if (expiresInMs !== undefined) event.expiresInMs = expiresInMs;
  if (features.length > 0) event.features = features;
  return event;
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

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
