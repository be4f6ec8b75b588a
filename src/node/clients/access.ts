// What an identity may do on a channel: its grants, and what the channel's namespace opens to everybody.

import { grants, type Identity, NO_PATTERNS } from '../../auth/identity.js';
import type { NamespaceOptions, Namespaces } from '../../config/namespaces.js';
import { FanfareError } from '../../lib/errors.js';

/** Whether the channel may be read. The answer does not depend on whether the channel exists. */
export function mayRead(identity: Identity, channel: string, namespaces: Namespaces): boolean {
  const namespace = namespaces.of(channel);
  if (namespace.public) return true;
  if (namespace.anonymous && identity.expiresAtMs !== Number.POSITIVE_INFINITY) return true;
  return grants(identity.grants.subscribe, channel);
}

/** Whether the client may publish: a grant, or a namespace where every client that came through discovery may. */
export function mayPublish(identity: Identity, channel: string, namespaces: Namespaces): boolean {
  return isOpenToPublish(identity, namespaces.of(channel)) || grants(identity.grants.publish, channel);
}

/** Whether the client may publish what nobody keeps: a grant of its own. */
export function mayPublishLive(identity: Identity, channel: string): boolean {
  return grants(identity.grants.publishLive ?? NO_PATTERNS, channel);
}

/**
 * Throws `forbidden_channel`, naming every channel of `channels` that may not be read; `token_missing` to whoever showed
 * no token at all.
 */
export function requireRead(identity: Identity, channels: Iterable<string>, namespaces: Namespaces): void {
  const forbidden: string[] = [];
  for (const channel of channels) if (!mayRead(identity, channel, namespaces)) forbidden.push(channel);
  if (forbidden.length === 0) return;
  if (identity.kind === 'anonymous') {
    throw new FanfareError('token_missing', `${forbidden.join(', ')} cannot be read without a token`);
  }
  throw new FanfareError('forbidden_channel', `the token does not grant reading ${forbidden.join(', ')}`, {
    channels: forbidden,
  });
}

/** Makes what throws `token_missing` to whoever showed no token where no channel could be read without one. */
export function readersOf(namespaces: Namespaces): (identity: Identity) => void {
  const isAnyPublic = [...namespaces.all.values()].some((namespace) => namespace.public);
  return ({ kind }) => {
    if (kind !== 'anonymous' || isAnyPublic) return;
    throw new FanfareError('token_missing', 'Authorization: nothing here can be read without a token');
  };
}

/** Throws `forbidden` where the client could publish on no channel at all. */
export function requireAnyPublish(identity: Identity, namespaces: Namespaces): void {
  const { publish, publishLive = NO_PATTERNS } = identity.grants;
  if (publish.length + publishLive.length > 0) return;
  for (const namespace of namespaces.all.values()) if (isOpenToPublish(identity, namespace)) return;
  throw new FanfareError('forbidden', 'the token grants no publishing at all');
}

function isOpenToPublish(identity: Identity, namespace: NamespaceOptions): boolean {
  const admitted = identity.user !== null || (namespace.anonymous && identity.kind === 'ticket');
  return namespace.clientPublish && admitted;
}
