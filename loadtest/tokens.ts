// Makes the HS256 tokens that a run's clients present.

import { createHmac } from 'node:crypto';

const LIFETIME_SECONDS = 3600;

/** A user's token that grants every channel of `subscribe`. */
export function mintToken(secret: string, sub: string, subscribe: readonly string[]): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { sub, iat, exp: iat + LIFETIME_SECONDS, fanfare: { subscribe } };
  const unsigned = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
