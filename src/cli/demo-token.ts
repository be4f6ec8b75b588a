// `GET /demo/token`: a short-lived token for the demo page of a development server.

import type { Grants } from '../auth/identity.js';
import { signToken } from '../auth/token-signer.js';
import { OPEN_NAMESPACES } from '../config/development.js';
import { isDirectLoopback } from '../http/operator-door.js';
import { FanfareError } from '../lib/errors.js';
import { problemResponse } from './problem-response.js';

const PATH = '/demo/token';
export const DEMO_TOKEN_LIFE_MS = 15 * 60_000;
const USER = 'demo';
/** What a page calls itself: it stays the same user when it refreshes its token, and each page has the limits of a user for itself. */
const PAGE_NAME = /^[a-z0-9]{1,16}$/;
const grantsOn = (patterns: readonly string[]): Grants => ({
  subscribe: patterns,
  publish: patterns,
  presence: patterns,
});
const EVERYTHING = grantsOn(['*']);
/** What stands open there without a token too. */
const OPEN = grantsOn(Object.keys(OPEN_NAMESPACES).map((namespace) => `${namespace}:*`));

export interface DevelopmentToken {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** Nothing is configured, so that nobody but this machine's owner is meant to come. */
  readonly isFirstTry: boolean;
}

/** Whether a user is a demo page. */
export function isDemoUser(user: string): boolean {
  return user.startsWith(`${USER}-`) || user === USER;
}

/** A token that may do everything: for whoever sits at the terminal of the server. */
export function ownersToken(terms: DevelopmentToken, lifetimeMs: number): Promise<string> {
  return signToken({ ...terms, subject: USER, grants: EVERYTHING, lifetimeMs });
}

/** For the page, which is whoever reaches the server: of a first try, at this machine, its owner; else anybody. */
function pageToken(terms: DevelopmentToken, subject: string, isOwners: boolean): Promise<string> {
  return signToken({ ...terms, subject, grants: isOwners ? EVERYTHING : OPEN, lifetimeMs: DEMO_TOKEN_LIFE_MS });
}

/** Answers the path, or `undefined` for any other. Without `terms`, there is nothing at it. `remoteAddress` is the socket's. */
export async function answerDemoToken(
  request: Request,
  terms: DevelopmentToken | undefined,
  remoteAddress: string,
): Promise<Response | undefined> {
  const url = new URL(request.url);
  if (url.pathname !== PATH || terms === undefined) return undefined;
  if (request.method !== 'GET') {
    return problemResponse(new FanfareError('method_not_allowed', 'this path takes GET'), { Allow: 'GET' });
  }
  // Other pages cannot read the answer anyway; they shall not even ask.
  const site = request.headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    return problemResponse(new FanfareError('origin_denied', 'this token is for the demo page only'));
  }
  const page = url.searchParams.get('page') ?? '';
  const user = PAGE_NAME.test(page) ? `${USER}-${page}` : USER;
  const token = await pageToken(terms, user, terms.isFirstTry && isDirectLoopback(request, remoteAddress));
  return Response.json({ token, expiresInMs: DEMO_TOKEN_LIFE_MS, user }, { headers: { 'Cache-Control': 'no-store' } });
}
