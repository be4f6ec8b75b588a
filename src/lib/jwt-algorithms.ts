// The signature algorithms of JWTs (RFC 7518, RFC 8037), and which of them a key is good for.

import type { KeyObject } from 'node:crypto';

const HMAC = ['HS256', 'HS384', 'HS512'] as const;
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const ELLIPTIC = ['ES256', 'ES384', 'ES512'] as const;
const EDWARDS = ['EdDSA', 'Ed25519'] as const;
const CURVES: ReadonlyMap<string, readonly Algorithm[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']],
]);

/** Every algorithm that may be allowed; `none` and encryption are not among them. */
export const ALGORITHMS = [...HMAC, ...RSA, ...ELLIPTIC, ...EDWARDS] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Those that can be verified with keys of a key set. */
export const PUBLIC_ALGORITHMS: readonly Algorithm[] = [...RSA, ...ELLIPTIC, ...EDWARDS];

/** Keys of RSA have at least as many (RFC 7518, 3.3). */
export const MIN_RSA_BITS = 2048;

/** Those of an HMAC secret: it is at least as long as the hash (RFC 7518, 3.2). */
export function secretAlgorithms(secret: string): readonly Algorithm[] {
  const bytes = Buffer.byteLength(secret);
  return ['HS256', ...(bytes >= 48 ? (['HS384'] as const) : []), ...(bytes >= 64 ? (['HS512'] as const) : [])];
}

/** Those of a public key; none for one that cannot be used. */
export function keyAlgorithms(key: KeyObject): readonly Algorithm[] {
  if (key.asymmetricKeyType === 'rsa') return RSA;
  if (key.asymmetricKeyType === 'ed25519') return EDWARDS;
  return CURVES.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? [];
}
