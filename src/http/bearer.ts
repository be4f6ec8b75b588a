// The credential of an `Authorization` header, and keys that are compared without telling how much of them was right.

import { createHash, timingSafeEqual } from 'node:crypto';
import { FanfareError } from '../lib/errors.js';

/** Several credentials arrive joined by commas, and are none: the next one's scheme brings a space. A key may have commas. */
const PLAIN = 'Bearer ';
const BEARER = /^bearer +(\S+)$/i;

/** The token of a header; `undefined` without one. Throws `token_malformed` for anything else. */
export function bearerOf(authorization: string | null | undefined): string | undefined {
  if (authorization === null || authorization === undefined) return undefined;
  // As nearly all of them look, and cheaper than the pattern by a microsecond of every poll.
  const isPlain = authorization.startsWith(PLAIN) && authorization.length > PLAIN.length;
  if (isPlain && !authorization.includes(' ', PLAIN.length)) {
    return authorization.slice(PLAIN.length);
  }
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new FanfareError('token_malformed', 'Authorization: expected one "Bearer <token>"');
  return token;
}

/** A set of secret keys. */
export class SecretKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** Whether `shown` is one of them. Takes the same time for every wrong key. */
  has(shown: string): boolean {
    return this.find(shown) !== undefined;
  }

  /** As {@link has}; answers which of them it is. */
  find(shown: string): number | undefined {
    if (this.#digests.length === 0) return undefined;
    const digested = digest(shown);
    let found: number | undefined;
    for (const [index, key] of this.#digests.entries()) if (timingSafeEqual(key, digested)) found = index;
    return found;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
