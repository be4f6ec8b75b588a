// An identity as a link keeps it: a node has tens of thousands.

import type { Grants, Identity } from './identity.js';

/**
 * Without the reservation, which its link has claimed. Times are kept in seconds, which tokens have whole ones of: a number that fits
 * its field takes no box of 16 bytes beside it. Of parts of a second whole milliseconds are as they were.
 */
export class KeptIdentity implements Identity {
  readonly kind: Identity['kind'];
  readonly user: string | null;
  readonly grants: Grants;
  readonly toleranceMs: number;
  readonly tokenId: string | undefined;
  readonly connection: string | undefined;
  readonly #issuedAt: number;
  readonly #expiresAt: number;

  constructor({ kind, user, grants, issuedAtMs, expiresAtMs, toleranceMs = 0, tokenId, connection }: Identity) {
    this.kind = kind;
    this.user = user;
    this.grants = grants;
    this.toleranceMs = toleranceMs;
    this.tokenId = tokenId;
    this.connection = connection;
    this.#issuedAt = issuedAtMs / 1000;
    this.#expiresAt = expiresAtMs / 1000;
  }

  get issuedAtMs(): number {
    return Math.round(this.#issuedAt * 1000);
  }

  get expiresAtMs(): number {
    return Math.round(this.#expiresAt * 1000);
  }

  get reservation(): undefined {
    return undefined;
  }
}
