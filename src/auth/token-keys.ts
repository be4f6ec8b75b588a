// The keys that users' tokens are verified with: a shared secret, a public key in PEM, or a key set at a URL.

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { type Algorithm, keyAlgorithms, PUBLIC_ALGORITHMS, secretAlgorithms } from '../lib/jwt-algorithms.js';
import { field } from '../protocol/index.js';
import { Jwks, type JwksOptions } from './jwks.js';
import type { JsonRecord } from './token-text.js';

const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;

export type VerifyingKey = Uint8Array | KeyObject | CryptoKey;

/** One way to verify a signature. */
export interface TokenKey {
  readonly algorithms: readonly Algorithm[];
  /** The key that fits a token's header, or `undefined`. */
  find(header: JsonRecord): VerifyingKey | Promise<VerifyingKey | undefined>;
  /** The same, found out anew, for a token that the first one does not verify; absent where there is nothing to find out. */
  findAgain?(header: JsonRecord): Promise<VerifyingKey | undefined>;
  /** Present where the keys come from a URL. */
  readonly jwks?: Jwks;
}

/** A shared secret of at least 32 bytes. HS384 and HS512 need one as long as their hash (RFC 7518 section 3.2). */
export function secretKey(secret: string): TokenKey {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`the token secret has ${bytes.length} bytes, at least ${MIN_SECRET_BYTES} are needed`);
  }
  return { algorithms: secretAlgorithms(secret), find: () => bytes };
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
  return { algorithms: algorithmsOf(key), find: () => key };
}

/** The keys that an issuer publishes. */
export function publishedKeys(options: JwksOptions): TokenKey {
  const jwks = new Jwks(options);
  return {
    algorithms: PUBLIC_ALGORITHMS,
    jwks,
    find: (header) => jwks.find(String(field(header, 'alg')), field(header, 'kid')),
    findAgain: (header) => jwks.findAgain(String(field(header, 'alg')), field(header, 'kid')),
  };
}

function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength < MIN_RSA_BITS) {
    throw new TypeError(`the token public key has ${modulusLength} bits, RSA needs at least ${MIN_RSA_BITS}`);
  }
  const algorithms = keyAlgorithms(key);
  if (algorithms.length > 0) return algorithms;
  throw new TypeError(
    key.asymmetricKeyType === 'ec'
      ? 'the token public key is on no curve of P-256, P-384 and P-521'
      : 'the token public key is neither RSA, EC nor Ed25519',
  );
}
