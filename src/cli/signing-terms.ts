// What the command line signs a user's token with: the configured secret, or that of a development server.

import type { ConfigProblem } from '../config/config-problem.js';
import { DEVELOPMENT_SECRET } from '../config/development.js';
import { readOptions } from '../config/load-config.js';

export interface SigningTerms {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

const KEYS = ['authSecret', 'authPublicKey', 'authJwksUrl', 'authIssuer', 'authAudience'] as const;

/** Adds to `problems` what is in the way; `undefined` where only somebody else can sign. */
export function signingTerms(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigProblem[],
): SigningTerms | undefined {
  const read = readOptions(KEYS, { flags, env });
  problems.push(...read.problems);
  const { authSecret, authPublicKey, authJwksUrl, authIssuer: issuer, authAudience: audience } = read.values;
  if (authSecret !== undefined) return { secret: authSecret, issuer, audience };
  const elsewhere = authPublicKey !== undefined || authJwksUrl !== undefined;
  if (!elsewhere && env.NODE_ENV !== 'production') return { secret: DEVELOPMENT_SECRET, issuer, audience };
  if (read.problems.length === 0) {
    const message = elsewhere ? 'tokens are signed by whoever holds the private key' : 'needed in production';
    problems.push({ option: 'authSecret', source: 'not set', message });
  }
  return undefined;
}
