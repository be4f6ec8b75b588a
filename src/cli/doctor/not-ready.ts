// What a process says of itself that is not ready: all of it as one text, and what mends it.

import type { ProcessCheck } from './answers.js';
import type { Findings } from './finding.js';

const REDIS = 'Redis, and the FANFARE_REDIS_URL of that process';
/** By the name of a check. */
const MENDS: Readonly<Record<string, string>> = {
  ...{ broker: REDIS, redis: REDIS, registry: REDIS, revocations: REDIS },
  keys: 'FANFARE_AUTH_JWKS_URL of that process, or the issuer who is to answer there',
  node: 'its log says more; where it begins or leaves, ask again once it has',
  discovery: 'its log says more; where it leaves, ask another one',
};
const LOG = 'its log says more';

/** `undefined` where nothing is wrong, or nothing that is not told of already: Redis away is one cause, whoever suffers from it. */
export function notReady(
  checks: readonly ProcessCheck[],
  found: Findings,
): { readonly text: string; readonly mend: string } | undefined {
  const isRedisAway = found.all.some(({ code }) => code === 'redis_unreachable');
  const bad = checks.filter(({ name, ok }) => !ok && !(isRedisAway && MENDS[name] === REDIS));
  if (bad.length === 0) return undefined;
  const mends = new Set(bad.map(({ name }) => MENDS[name] ?? LOG));
  return { text: bad.map(({ name, detail }) => `${name}: ${detail}`).join('; '), mend: [...mends].join('; ') };
}
