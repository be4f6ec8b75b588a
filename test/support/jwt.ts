// Writes JSON Web Tokens, good and bad: whatever header and payload say is signed.

import { createHmac, type KeyObject, sign } from 'node:crypto';

/** One part of a token; a text is taken word for word. */
export function jwtPart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Signed with HMAC-SHA-256, whatever algorithm the header names. */
export function hmacJwt(payload: unknown, header: unknown, secret: string | Buffer): string {
  const text = `${jwtPart(header)}.${jwtPart(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** Signed with a private key, by the hash that the header's algorithm names. */
export function keyJwt(
  payload: unknown,
  header: { readonly alg: string; readonly [field: string]: unknown },
  key: KeyObject,
): string {
  const text = `${jwtPart(header)}.${jwtPart(payload)}`;
  const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`;
  return `${text}.${sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
