// Makes tokens, good and bad, for the tests of what reads them.

import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const SECRET = 'a test secret of more than thirty-two bytes';
export const NOW_MS = 1_800_000_000_000;
export const NOW = NOW_MS / 1000;

export type Claims = Readonly<Record<string, unknown>>;

/** Claims that pass everywhere; `undefined` in `changes` leaves one out. */
export function claims(changes: Claims = {}): Claims {
  return { sub: 'u1', iat: NOW, exp: NOW + 3600, fanfare: { subscribe: ['news'] }, ...changes };
}

export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A JWT signed with HMAC; `payload` may be raw JSON text. */
export function hs256(
  payload: unknown = claims(),
  header: unknown = { alg: 'HS256' },
  key: string | Buffer = SECRET,
): string {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/** A JWT signed with a private key. */
export function signed(key: KeyObject, header: { readonly alg: string } & Claims, payload: unknown = claims()): string {
  const text = `${part(header)}.${part(payload)}`;
  const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`;
  const signature = sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed = generateKeyPairSync('ed25519');

export const pem = (key: KeyObject): string =>
  key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }).toString();

/** The code that `run` throws or rejects with. */
export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return String((error as { readonly code?: unknown }).code ?? error);
  }
  return 'accepted';
}

/** The message that `run` throws or rejects with. */
export async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
}
