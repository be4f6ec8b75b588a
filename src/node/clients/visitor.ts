// Who stands at a door: an identity, and the names under which limits count it.

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

/** Where a client comes from. */
export interface Caller {
  /** What a limit by address counts it by; finding it out may cost a system call. */
  readonly address: string;
  /** The token that it shows. */
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

  /** The address stands for who has no name. */
  get user(): string {
    const { user } = this.identity;
    return user === null ? namelessSubject(this.#caller.address) : userSubject(user);
  }
}

/** Of who was asked for last: a request is counted by it several times. */
let last = { user: '', subject: 'user:' };

/** By what limits count who has a name. */
export function userSubject(user: string): string {
  if (last.user !== user) last = { user, subject: `user:${user}` };
  return last.subject;
}

/** By what they count who has none. */
export function namelessSubject(address: string): string {
  return `ip:${address}`;
}

function sharedKey(caller: Caller): string {
  const bearer = caller.bearer();
  if (bearer === undefined) return namelessSubject(caller.address);
  return createHash('sha256').update(bearer).digest('base64url');
}
