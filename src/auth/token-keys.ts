// The keys that users' tokens are verified with: a shared secret, a public key in PEM, or a key set at a URL.

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { Jwks, type JwksOptions } from './jwks.js';
import { type JsonRecord, own } from './token-text.js';

/** Every algorithm that may be allowed; `none` and encryption are not among them. */
export const ALGORITHMS = [
  ...(['HS256', 'HS384', 'HS512'] as const),
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EDWARDS: readonly Algorithm[] = ['EdDSA', 'Ed25519'];
const CURVES: Readonly<Record<string, readonly Algorithm[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};
const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;

export type VerifyingKey = Uint8Array | KeyObject | CryptoKey;

/** One way to verify a signature. */
export interface TokenKey {
  readonly algorithms: readonly Algorithm[];
  /** The key that fits a token's header, or `undefined`. */
  find(header: JsonRecord): VerifyingKey | Promise<VerifyingKey | undefined>;
  /** Present where the keys come from a URL. */
  readonly jwks?: Jwks;
}

/** A shared secret of at least 32 bytes. HS384 and HS512 need one as long as their hash (RFC 7518 section 3.2). */
export function secretKey(secret: string): TokenKey {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`the token secret has ${bytes.length} bytes, at least ${MIN_SECRET_BYTES} are needed`);
  }
  const algorithms: Algorithm[] = ['HS256'];
  if (bytes.length >= 48) algorithms.push('HS384');
  if (bytes.length >= 64) algorithms.push('HS512');
  return { algorithms, find: () => bytes };
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
  const algorithms = [...RSA, ...Object.values(CURVES).flat(), ...EDWARDS];
  return { algorithms, jwks, find: (header) => jwks.find(String(own(header, 'alg')), own(header, 'kid')) };
}

function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (modulusLength >= MIN_RSA_BITS) return RSA;
      throw new TypeError(`the token public key has ${modulusLength} bits, RSA needs at least ${MIN_RSA_BITS}`);
    case 'ec':
      if (CURVES[namedCurve] !== undefined) return CURVES[namedCurve];
      throw new TypeError('the token public key is on no curve of P-256, P-384 and P-521');
    case 'ed25519':
      return EDWARDS;
    default:
      throw new TypeError('the token public key is neither RSA, EC nor Ed25519');
  }
}
