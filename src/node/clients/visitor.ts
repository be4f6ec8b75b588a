// Who stands at a door by HTTP: an identity, and the names under which limits count it.

import { createHash } from 'node:crypto';
import { type Identity, NO_GRANTS } from '../../auth/identity.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';

/** Whoever shows no token: may read what is public. */
export const NOBODY: Identity = {
  kind: 'anonymous',
  user: null,
  grants: NO_GRANTS,
  issuedAtMs: 0,
  expiresAtMs: Number.POSITIVE_INFINITY,
  tokenId: undefined,
  connection: undefined,
  reservation: undefined,
};

/** Where a request comes from. */
export interface Caller {
  readonly remoteAddress: string;
  bearer(): string | undefined;
}

export class Visitor implements SubjectKeys {
  readonly identity: Identity;
  readonly #caller: Caller;
  #ticket: string | undefined;

  constructor(identity: Identity, caller: Caller) {
    this.identity = identity;
    this.#caller = caller;
    this.#ticket = identity.connection;
  }

  /** Whether {@link ticket} names this client alone, and not a token or an address that several may share. */
  get isExclusive(): boolean {
    return this.identity.connection !== undefined;
  }

  /** The ticket's connection id; else what stands for the token, else the address. */
  get ticket(): string {
    this.#ticket ??= sharedKey(this.#caller);
    return this.#ticket;
  }

  get user(): string {
    const { user } = this.identity;
    return user === null ? this.address : `user:${user}`;
  }

  get address(): string {
    return `ip:${this.#caller.remoteAddress}`;
  }
}

function sharedKey(caller: Caller): string {
  const bearer = caller.bearer();
  if (bearer === undefined) return `ip:${caller.remoteAddress}`;
  return createHash('sha256').update(bearer).digest('base64');
}
