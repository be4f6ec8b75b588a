// Derives the key that signs tickets from a cluster secret.

import { hkdfSync } from 'node:crypto';

const INFO = 'fanfare-ticket';
const KEY_BYTES = 32;
const MIN_SECRET_BYTES = 32;

/**
 * HKDF-SHA256 (RFC 5869) of the secret's UTF-8 without salt. Users' tokens are verified with a secret's text itself, so that
 * one text in both places makes two keys: a token with another `typ` is no ticket, and a ticket no token. Throws `TypeError`
 * for a secret that is too short.
 */
export function ticketKey(secret: string): Buffer {
  const bytes = Buffer.from(secret, 'utf8');
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`a cluster secret needs at least ${MIN_SECRET_BYTES} bytes`);
  }
  return Buffer.from(hkdfSync('sha256', bytes, '', INFO, KEY_BYTES));
}
