// `GET /demo/token`: a short-lived token for the demo page of a development server.

import { signToken } from '../auth/token-signer.js';
import { FanfareError } from '../lib/errors.js';
import { problemResponse } from './problem-response.js';

const PATH = '/demo/token';
const LIFE_MS = 15 * 60_000;
/** A page that refreshes its token stays the same user. */
const USER = 'demo';
const EVERYTHING = { subscribe: ['*'], publish: ['*'], presence: ['*'] } as const;

export interface DevelopmentToken {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** A token that may do everything; whoever reaches a development server owns it. */
export function developmentToken(terms: DevelopmentToken, lifetimeMs = LIFE_MS): Promise<string> {
  return signToken({ ...terms, subject: USER, grants: EVERYTHING, lifetimeMs });
}

/** Answers the path, or `undefined` for any other. Without `terms`, there is nothing at it. */
export async function answerDemoToken(
  request: Request,
  terms: DevelopmentToken | undefined,
): Promise<Response | undefined> {
  if (new URL(request.url).pathname !== PATH || terms === undefined) return undefined;
  if (request.method !== 'GET') {
    return problemResponse(new FanfareError('method_not_allowed', 'this path takes GET'), { Allow: 'GET' });
  }
  // Other pages cannot read the answer anyway; they shall not even ask.
  const site = request.headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    return problemResponse(new FanfareError('origin_denied', 'this token is for the demo page only'));
  }
  const token = await developmentToken(terms);
  return Response.json({ token, expiresInMs: LIFE_MS, user: USER }, { headers: { 'Cache-Control': 'no-store' } });
}
