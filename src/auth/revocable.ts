// Has tokens and tickets that are good asked for whether they have been revoked.

import type { Authenticator, Identity } from './identity.js';

/** Who knows what is revoked. */
export interface RevocationCheck {
  /** Throws or rejects with `revoked`, or with `broker_unavailable` where nobody can say; answers at once where it can. */
  check(holder: Pick<Identity, 'user' | 'tokenId' | 'issuedAtMs'>): void | Promise<void>;
}

/** As `inner`, and throws or rejects with `revoked`. What it says holds for the moment at which it says so. */
export function revocable(inner: Authenticator, revocations: RevocationCheck): Authenticator {
  const checked = (identity: Identity): Identity | Promise<Identity> => {
    const verdict = revocations.check(identity);
    return verdict === undefined ? identity : verdict.then(() => identity);
  };
  return {
    verify(text, remember) {
      const identity = inner.verify(text, remember);
      return identity instanceof Promise ? identity.then(checked) : checked(identity);
    },
  };
}
