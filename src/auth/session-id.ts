// What stands for a client's session where others may see it.

import { createHash, randomBytes } from 'node:crypto';

/** 96 bits. */
const LENGTH = 16;

/**
 * The first 16 characters of base64url(SHA-256(session, LF, user)): the same for all tickets of one session and user, and nothing
 * that the session, which is a secret, could be found by. Without a session it is random. An anonymous client's user is empty.
 */
export function sessionId(session: string | undefined, user: string | null): string {
  if (session === undefined) return randomBytes(12).toString('base64url');
  return createHash('sha256')
    .update(`${session}\n${user ?? ''}`)
    .digest('base64url')
    .slice(0, LENGTH);
}
