// Who comes without a token, where some namespace is open to everybody.

import type { Namespaces } from '../config/namespaces.js';
import type { Identity } from './identity.js';

/** Whether anybody may connect without a token. */
export function allowsAnonymous(namespaces: Namespaces): boolean {
  return [...namespaces.all.values()].some((options) => options.anonymous);
}

/**
 * Somebody without a token. The grants name the anonymous namespaces one by one; what an anonymous `default` opens cannot
 * be written as a pattern (it also covers namespaces that are not configured). That is why the node asks the namespace
 * of a channel as well, which also opens anonymous namespaces to those who have a token.
 */
export function anonymousIdentity(namespaces: Namespaces, nowMs: number): Identity {
  const open = [...namespaces.all].filter(([name, options]) => name !== 'default' && options.anonymous);
  return {
    kind: 'anonymous',
    user: null,
    grants: {
      subscribe: open.map(([name]) => `${name}:*`),
      publish: open.filter(([, options]) => options.clientPublish).map(([name]) => `${name}:*`),
      presence: [],
    },
    issuedAtMs: nowMs,
    expiresAtMs: Number.POSITIVE_INFINITY,
    tokenId: undefined,
    connection: undefined,
    reservation: undefined,
  };
}
