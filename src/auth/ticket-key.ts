// Derives from a cluster secret the key that signs tickets, the key that proves membership, and the secret's fingerprint.

import { hkdfSync } from 'node:crypto';

/** What each key is for: no two of them are ever the same. */
const INFO = { ticket: 'fanfare-ticket', member: 'fanfare-member', fingerprint: 'fanfare-fingerprint' } as const;
const KEY_BYTES = 32;
/** Chosen: enough to tell a cluster's secrets apart, too little to find one by. */
const FINGERPRINT_BYTES = 6;
const MIN_SECRET_BYTES = 32;

/**
 * HKDF-SHA256 (RFC 5869) of the secret's UTF-8 without salt. Users' tokens are verified with a secret's text itself, so that
 * one text in both places makes two keys: a token with another `typ` is no ticket, and a ticket no token. Throws `TypeError`
 * for a secret that is too short.
 */
export function ticketKey(secret: string): Buffer {
  return derived(secret, INFO.ticket, KEY_BYTES);
}

/** As {@link ticketKey}, of what a node proves with that it knows the secret. */
export function memberKey(secret: string): Buffer {
  return derived(secret, INFO.member, KEY_BYTES);
}

/** Names a secret without telling it. Throws as {@link ticketKey}. */
export function fingerprintOf(secret: string): string {
  return derived(secret, INFO.fingerprint, FINGERPRINT_BYTES).toString('base64url');
}

function derived(secret: string, info: string, bytes: number): Buffer {
  const key = Buffer.from(secret, 'utf8');
  if (key.length < MIN_SECRET_BYTES) throw new TypeError(`a cluster secret needs at least ${MIN_SECRET_BYTES} bytes`);
  return Buffer.from(hkdfSync('sha256', key, '', info, bytes));
}
