// Signs users' tokens with a shared secret, for the command line, the demo and tests.

import { SignJWT } from 'jose';
import type { Grants } from './identity.js';

export interface TokenTerms {
  /** The shared secret, at least 32 bytes. */
  readonly secret: string;
  /** The user's name. */
  readonly subject: string;
  readonly grants: Partial<Grants>;
  /** At most 24 h. */
  readonly lifetimeMs: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | readonly string[] | undefined;
  readonly tokenId?: string | undefined;
  readonly clock?: () => number;
}

/** A user's token, signed with HS256. */
export function signToken(terms: TokenTerms): Promise<string> {
  const issuedAt = Math.floor((terms.clock ?? Date.now)() / 1000);
  const jwt = new SignJWT({ fanfare: terms.grants })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(terms.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.ceil(terms.lifetimeMs / 1000));
  if (terms.issuer !== undefined) jwt.setIssuer(terms.issuer);
  if (terms.audience !== undefined) jwt.setAudience([terms.audience].flat());
  if (terms.tokenId !== undefined) jwt.setJti(terms.tokenId);
  return jwt.sign(new TextEncoder().encode(terms.secret));
}
