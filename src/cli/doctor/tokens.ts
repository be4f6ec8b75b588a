// Asks discovery for a ticket with a user's token, as a client does, and says why it gets none; looks at the keys where they are published.

import { shown } from '../../config/config-problem.js';
import { field, PATHS } from '../../protocol/index.js';
import { whyNot } from '../why-not.js';
import { type FoundNode, nodesIn } from './answers.js';
import { type Answer, ask, bearer } from './ask.js';
import { NO_NODE } from './discovery.js';
import type { Findings } from './finding.js';

export interface TokenTerms {
  readonly url: string;
  /** Absent: an anonymous client. */
  readonly token: string | undefined;
  readonly origin: string | undefined;
  readonly jwksUrl: string | undefined;
}

/** What a client is given. */
export interface Admitted {
  readonly ticket: string;
  readonly nodes: readonly FoundNode[];
}

/** By code: what is wrong with the token, and what mends it. */
const REFUSALS: Readonly<Record<string, readonly [message: string, mend: string]>> = {
  token_expired: ['the token has expired', 'have the backend sign a new one; its exp, and the clock of whoever signs'],
  token_not_yet_valid: [
    'the token is not valid yet by the clock of discovery',
    'NTP on discovery and on whoever signs tokens; FANFARE_CLOCK_TOLERANCE forgives a difference',
  ],
  token_claim_invalid: [
    'a claim of the token is not what discovery expects',
    'FANFARE_AUTH_AUDIENCE and FANFARE_AUTH_ISSUER, or aud and iss of the tokens',
  ],
  token_signature_invalid: [
    "the token's signature does not verify with any key of discovery",
    'FANFARE_AUTH_SECRET or FANFARE_AUTH_PUBLIC_KEY: the one that the backend signs with',
  ],
  token_key_unknown: [
    'the token names a key that discovery does not know',
    'publish the key at FANFARE_AUTH_JWKS_URL before it signs, or configure it',
  ],
  token_alg_not_allowed: [
    'the token is signed with an algorithm that discovery does not take',
    'FANFARE_AUTH_ALGORITHMS, or a key of that algorithm',
  ],
  token_missing: ['discovery takes nobody without a token', 'give the doctor one by --token or FANFARE_TOKEN'],
  wrong_token_kind: ["a ticket stands where a user's token belongs", 'hand the SDK the token of the backend'],
  revoked: ['the token has been revoked', 'fanfare revoke --withdraw, or a new token'],
  keys_unavailable: [
    'discovery cannot get the key of the token',
    'FANFARE_AUTH_JWKS_URL, or the issuer who is to answer there',
  ],
};

/** `undefined` where the client was not let in; why is found. */
export async function examineToken(terms: TokenTerms, found: Findings): Promise<Admitted | undefined> {
  const { url, token, origin, jwksUrl } = terms;
  found.asked.push('tokens');
  if (jwksUrl !== undefined) await examineKeySet(jwksUrl, token, found);
  const headers = {
    ...bearer(token),
    ...(origin !== undefined && { Origin: origin }),
  };
  const question = { method: 'POST', headers, body: {} };
  const answer = await ask(url + PATHS.connect, question).catch(() => undefined);
  if (answer === undefined) return undefined;
  const { ticket, code } = answer.json;
  if (answer.status === 200 && typeof ticket === 'string') return { ticket, nodes: nodesIn(answer) };
  if (typeof code === 'string') judgeRefusal(answer, code, found);
  return undefined;
}

function judgeRefusal({ status, json }: Answer, code: string, found: Findings): void {
  const detail = typeof json.detail === 'string' ? ` (${json.detail})` : '';
  const known = REFUSALS[code];
  if (known !== undefined) return found.refusal('tokens', code, known[0] + detail, known[1]);
  // Told by whoever looked at origins.
  if (code === 'origin_denied') return;
  if (code === 'no_capacity' || NO_NODE.test(detail)) return found.noNode();
  const mend = `docs/ERRORS.md has what ${code} means`;
  found.refusal('discovery', code, `discovery refuses a client: ${status} ${code}${detail}`, mend);
}

/** By this machine's way to it, which need not be discovery's. */
async function examineKeySet(url: string, token: string | undefined, found: Findings): Promise<void> {
  const mend = 'FANFARE_AUTH_JWKS_URL, or the issuer who is to answer there';
  let answer: Answer;
  try {
    answer = await ask(url, { headers: { Accept: 'application/json' } });
  } catch (error) {
    return found.error('tokens', 'jwks_unreachable', `no keys are to be had at the JWKS URL: ${whyNot(error)}`, mend);
  }
  const { keys } = answer.json;
  if (answer.status !== 200 || !Array.isArray(keys)) {
    return found.error('tokens', 'jwks_unreachable', `the JWKS URL answers ${answer.status} and no set of keys`, mend);
  }
  const kid = token === undefined ? undefined : keyIdOf(token);
  if (kid === undefined) return;
  const has = keys.some((key: unknown) => typeof key === 'object' && key !== null && 'kid' in key && key.kid === kid);
  if (has) return;
  const message = `the token names the key ${shown(kid)}, which is not among the ${keys.length} at the JWKS URL`;
  found.error('tokens', 'jwks_without_kid', message, 'publish the key before it signs, or sign with one that is there');
}

function keyIdOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    if (typeof header !== 'object' || header === null) return undefined;
    const kid = field({ ...header }, 'kid');
    return typeof kid === 'string' ? kid : undefined;
  } catch {
    // Discovery says what is wrong with it.
    return undefined;
  }
}
