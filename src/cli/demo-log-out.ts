// `POST /demo/log-out`: ends what the demo page's user has open on a development server, with the token that it shows.

import { setTimeout as pause } from 'node:timers/promises';
import type { Authenticator } from '../auth/identity.js';
import type { Revocations } from '../cluster/revocations.js';
import { bearerOf } from '../http/bearer.js';
import { FanfareError } from '../lib/errors.js';
import { DEMO_TOKEN_LIFE_MS, isDemoUser } from './demo-token.js';
import { problemResponse } from './problem-response.js';

const PATH = '/demo/log-out';
/** What clocks may differ by, twice. */
const SLACK_MS = 10_000;

export interface DemoLogOutParts {
  readonly tokens: Pick<Authenticator, 'verify'>;
  readonly revocations: Pick<Revocations, 'log' | 'readNow'>;
}

/** Answers the path, or `undefined` for any other. Without `parts`, there is nothing at it. */
export async function answerDemoLogOut(
  request: Request,
  parts: DemoLogOutParts | undefined,
): Promise<Response | undefined> {
  if (new URL(request.url).pathname !== PATH || parts === undefined) return undefined;
  if (request.method !== 'POST') {
    return problemResponse(new FanfareError('method_not_allowed', 'this path takes POST'), { Allow: 'POST' });
  }
  try {
    await logOut(request, parts);
    return new Response(null, { status: 204 });
  } catch (error) {
    return problemResponse(error);
  }
}

async function logOut({ headers }: Request, { tokens, revocations }: DemoLogOutParts): Promise<void> {
  const token = bearerOf(headers.get('authorization'));
  if (token === undefined) throw new FanfareError('token_missing', "the page's token is expected");
  const { user, issuedAtMs } = await tokens.verify(token);
  if (user === null || !isDemoUser(user)) throw new FanfareError('forbidden', 'this is for the demo page only');
  // Tokens of the second of a log-out stay good, so that whoever logs in again gets in: this one is to be of an earlier one.
  const nextSecondMs = (Math.floor(issuedAtMs / 1_000) + 1) * 1_000;
  await pause(Math.max(0, Math.min(1_000, nextSecondMs - Date.now())));
  await revocations.log.add({ kind: 'logout', name: user, lifeMs: DEMO_TOKEN_LIFE_MS + SLACK_MS });
  await revocations.readNow();
}
