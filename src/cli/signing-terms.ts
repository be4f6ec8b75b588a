// What the command line signs a user's token with: the configured secret, or that of a `start` without any configuration.

import type { ConfigProblem } from '../config/config-problem.js';
import { BEYOND_FIRST_TRY, DEVELOPMENT_SECRET, isFirstTry } from '../config/development.js';
import { readOptions } from '../config/load-config.js';

export interface SigningTerms {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** Whether it is the secret that everybody can read, which only `start` on this machine without any configuration takes. */
  readonly development: boolean;
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
  const {
    authSecret: [authSecret] = [],
    authPublicKey,
    authJwksUrl,
    authIssuer: issuer,
    authAudience: audience,
  } = read.values;
  if (authSecret !== undefined) return { secret: authSecret, issuer, audience, development: false };
  const reason = whyNotDevelopment(authPublicKey !== undefined || authJwksUrl !== undefined, flags, env);
  if (reason === undefined) return { secret: DEVELOPMENT_SECRET, issuer, audience, development: true };
  if (read.problems.length === 0) problems.push({ option: 'authSecret', source: 'not set', message: reason });
  return undefined;
}

/** A server with the same configuration would not take what the development secret signs. */
function whyNotDevelopment(
  elsewhere: boolean,
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (elsewhere) return 'tokens are signed by whoever holds the private key';
  if (env.NODE_ENV === 'production') return 'needed in production';
  const { values, sources } = readOptions(['host', ...BEYOND_FIRST_TRY], { role: 'start', flags, env });
  if (isFirstTry(values.host ?? '', (option) => sources.get(option) === 'default')) return undefined;
  const set = [...sources].filter(([key, source]) => source !== 'default' && key !== 'host').map(([key]) => key);
  return `needed with ${set.length > 0 ? set.join(', ') : 'this host'}: the development secret is for \`start\` without any configuration`;
}
