// Reads the `fanfare` claim: lists of channel patterns, with the user's name filled in.

import { channelPatternProblem, field, LIMITS } from '../protocol/index.js';
import { type Grants, NO_GRANTS, NO_PATTERNS } from './identity.js';
import { invalidClaim, type JsonRecord, kindOf } from './token-text.js';

const ALLOWED_BYTES = /^[A-Za-z0-9_.@+~-]$/;
const LISTS = ['subscribe', 'publish', 'presence', 'publishLive'] as const;

/**
 * A user's name as part of a channel's name: every byte of its UTF-8 outside `[A-Za-z0-9_.@+~-]` is written `=XX`, so
 * that no name can reach into another's channels. Backends use the same rule.
 */
export function escapeSubject(subject: string): string {
  let escaped = '';
  for (const byte of Buffer.from(subject, 'utf8')) {
    const char = String.fromCharCode(byte);
    escaped += ALLOWED_BYTES.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}

/**
 * The grants of a token's `fanfare` claim; none when it is absent. A pattern is a channel's name, or a prefix that ends
 * in `*`; `*` alone only with `allowStar`. Throws `token_claim_invalid` naming the list and the rule.
 */
export function readGrants(claim: unknown, subject: string, allowStar: boolean): Grants {
  if (claim === undefined) return NO_GRANTS;
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) {
    throw invalidClaim('fanfare', `expected an object of lists, got ${kindOf(claim)}`);
  }
  const record = claim as JsonRecord;
  const escaped = escapeSubject(subject);
  const [subscribe, publish, presence, publishLive = NO_PATTERNS] = LISTS.map((name) =>
    readList(`fanfare.${name}`, field(record, name), escaped, allowStar),
  );
  return {
    subscribe: subscribe ?? NO_PATTERNS,
    publish: publish ?? NO_PATTERNS,
    presence: presence ?? NO_PATTERNS,
    ...(publishLive.length > 0 && { publishLive }),
  };
}

function readList(name: string, value: unknown, escaped: string, allowStar: boolean): readonly string[] {
  if (value === undefined) return NO_PATTERNS;
  if (!Array.isArray(value)) throw invalidClaim(name, `expected an array of channel patterns, got ${kindOf(value)}`);
  if (value.length > LIMITS.maxGrantPatterns) {
    throw invalidClaim(name, `expected at most ${LIMITS.maxGrantPatterns} patterns, got ${value.length}`);
  }
  if (value.length === 0) return NO_PATTERNS;
  return value.map((item: unknown, index) => {
    if (typeof item !== 'string') throw invalidClaim(`${name}[${index}]`, `expected a string, got ${kindOf(item)}`);
    const pattern = item.replaceAll('${sub}', escaped);
    const problem = channelPatternProblem(pattern, allowStar);
    if (problem !== undefined) throw invalidClaim(`${name}[${index}]`, problem);
    return pattern;
  });
}
