// What the tests of whatever reads tokens have in common: keys, good claims, and how a refusal is read.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { hmacJwt, jwtPart, keyJwt } from '../../support/jwt.js';

export const SECRET = 'a test secret of more than thirty-two bytes';
export const NOW_MS = 1_800_000_000_000;
export const NOW = NOW_MS / 1000;

export type Claims = Readonly<Record<string, unknown>>;

/** Claims that pass everywhere; `undefined` in `changes` leaves one out. */
export function claims(changes: Claims = {}): Claims {
  return { sub: 'u1', iat: NOW, exp: NOW + 3600, fanfare: { subscribe: ['news'] }, ...changes };
}

export const part = jwtPart;

/** A JWT signed with HMAC; `payload` may be raw JSON text. */
export function hs256(
  payload: unknown = claims(),
  header: unknown = { alg: 'HS256' },
  key: string | Buffer = SECRET,
): string {
  return hmacJwt(payload, header, key);
}

/** A JWT signed with a private key. */
export function signed(key: KeyObject, header: { readonly alg: string } & Claims, payload: unknown = claims()): string {
  return keyJwt(payload, header, key);
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
