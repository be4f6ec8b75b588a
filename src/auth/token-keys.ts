// The keys that users' tokens are verified with: a shared secret, a public key in PEM, or a key set at a URL.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Algorithm, PUBLIC_ALGORITHMS, secretAlgorithms } from '../lib/jwt-algorithms.js';
import { field } from '../protocol/index.js';
import { Jwks, type JwksOptions } from './jwks.js';
import { algorithmsOf } from './key-algorithms.js';
import { isKeyId, type KeyWish } from './key-set.js';
import type { JsonRecord } from './token-text.js';

const MIN_SECRET_BYTES = 32;

export type VerifyingKey = Uint8Array | KeyObject;

/** One way to verify a signature. */
export interface TokenKey {
  readonly algorithms: readonly Algorithm[];
  /** The keys that fit a token's header, to be tried one after the other. */
  find(header: JsonRecord): readonly VerifyingKey[] | Promise<readonly VerifyingKey[]>;
  /** The same, found out anew, for a token that none of the first verifies; absent where there is nothing to find out. */
  findAgain?(header: JsonRecord): Promise<readonly VerifyingKey[]>;
  /** Why none was found; absent where one always is. */
  whyNot?(header: JsonRecord): string;
  /** Present where the keys come from a URL. */
  readonly jwks?: Jwks;
}

/** A shared secret of at least 32 bytes. HS384 and HS512 need one as long as their hash (RFC 7518 section 3.2). */
export function secretKey(secret: string): TokenKey {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`the token secret has ${bytes.length} bytes, at least ${MIN_SECRET_BYTES} are needed`);
  }
  return { algorithms: secretAlgorithms(secret), find: () => [bytes] };
}

/** A public key in PEM; its type decides the algorithms. Throws `TypeError` with the reason, never with the key's text. */
export function publicKey(pem: string): TokenKey {
  if (pem.includes('PRIVATE KEY')) throw new TypeError('the token public key is a private key');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new TypeError('the token public key is not a public key in PEM');
  }
  const algorithms = algorithmsOf(key);
  if (typeof algorithms === 'string') throw new TypeError(`the token public key ${algorithms}`);
  return { algorithms, find: () => [key] };
}

/** The keys that an issuer publishes. */
export function publishedKeys(options: JwksOptions): TokenKey {
  const jwks = new Jwks(options);
  return {
    algorithms: PUBLIC_ALGORITHMS,
    jwks,
    find: (header) => jwks.find(wishOf(header)),
    findAgain: (header) => jwks.findAgain(wishOf(header)),
    whyNot: (header) => jwks.whyNot(wishOf(header)),
  };
}

function wishOf(header: JsonRecord): KeyWish {
  const kid = field(header, 'kid');
  return { algorithm: String(field(header, 'alg')), ...(isKeyId(kid) && { kid }) };
}
