// The kinds of keys and secrets that an option can have; what is wrong with one is said without showing it.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { keyAlgorithms, MIN_RSA_BITS } from '../lib/jwt-algorithms.js';
import { shown } from './config-problem.js';
import { readKeyList, readPemList, readPublishKeys } from './key-list.js';
import { type Reading, valueType } from './value-types.js';

/** HS256 wants a key as long as its hash (RFC 7518, 3.2). */
export const MIN_SECRET_BYTES = 32;
/** What nobody can guess over a network (chosen). */
const MIN_BEARER_KEY_BYTES = 16;

/** What came in place of a key's text. */
function kindOf(raw: unknown): string {
  if (raw === undefined) return 'an entry without a key';
  return typeof raw === 'object' ? shown(raw) : `a ${typeof raw}`;
}

function readSecret(raw: unknown, minBytes: number): Reading<string> {
  const expected = `at least ${minBytes} bytes of text without spaces; make one with: openssl rand -base64 ${minBytes}`;
  if (typeof raw !== 'string') return { expected, got: kindOf(raw) };
  const bytes = Buffer.byteLength(raw);
  if (bytes < minBytes) return { expected, got: `${bytes} bytes` };
  if (bytes > 4096) return { expected: 'at most 4096 bytes', got: `${bytes} bytes` };
  return /^[\x21-\x7e]+$/.test(raw) ? { value: raw } : { expected, got: 'text with spaces or control characters' };
}

/** Secrets of HMAC; the first signs, all verify. */
export const hmacSecrets = () => valueType((raw) => readKeyList(raw, (key) => readSecret(key, MIN_SECRET_BYTES)));
const readBearerKey = (key: unknown) => readSecret(key, MIN_BEARER_KEY_BYTES);
export const bearerKeys = () => valueType((raw) => readKeyList(raw, readBearerKey));
/** Bearer keys of backends, each with what it is good for. */
export const publishKeys = () => valueType((raw) => readPublishKeys(raw, readBearerKey));

/** A public key in PEM that can verify tokens: RSA of at least 2048 bits, P-256 to P-521, Ed25519. */
export const publicKeys = () => valueType((raw) => readPemList(raw, readPublicKey));

function readPublicKey(raw: unknown): Reading<string> {
  const expected = 'a public key in PEM, "-----BEGIN PUBLIC KEY-----" and what follows';
  if (typeof raw !== 'string') return { expected, got: kindOf(raw) };
  const pem = raw.trim();
  if (pem === '') return { expected, got: 'nothing' };
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return { expected: `${expected}; the private key stays with whoever signs`, got: 'a private key' };
  }
  if (pem.includes('\r')) return { expected: `${expected}, with LF line ends`, got: 'CRLF line ends' };
  if (pem.includes('\\n')) return { expected: `${expected}, with real line breaks`, got: 'a backslash and an n' };
  if (!/^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PUBLIC KEY-----$/.test(pem)) {
    return { expected, got: `${Buffer.byteLength(pem)} bytes of something else` };
  }
  try {
    return judged(pem, createPublicKey(pem));
  } catch {
    return { expected, got: 'a PEM block that holds no public key' };
  }
}

function judged(pem: string, key: KeyObject): Reading<string> {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'rsa') {
    return bits >= MIN_RSA_BITS
      ? { value: pem }
      : { expected: `RSA of at least ${MIN_RSA_BITS} bits`, got: `RSA of ${bits} bits` };
  }
  if (keyAlgorithms(key).length > 0) return { value: pem };
  const kind = [key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve].filter(Boolean).join(' ');
  return { expected: 'RSA, Ed25519, or EC on P-256, P-384 or P-521', got: `a key of type ${kind}` };
}
