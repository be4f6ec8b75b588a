// Looks through the logs of all servers that tests start: no token, ticket or secret may stand in one.

import { tellFault } from '../../src/lib/timers.js';

const JWT = /\beyJ[\w-]{5,}\.[\w-]+\.[\w-]+/;
const SECRET_NAMES = /SECRET|(PUBLISH|ADMIN)_KEY|PASSWORD|TOKEN/;
/** Chosen: what is shorter may stand in a text by chance. */
const MIN_LENGTH = 12;

/** What of it stands in a log, by name. */
export function leaksIn(log: string, env: Readonly<Record<string, string>>): string[] {
  const told = Object.entries(env).filter(([name, value]) => SECRET_NAMES.test(name) && leaks(log, value));
  const password = /^\w+:\/\/[^/@]*:([^/@]+)@/.exec(env.FANFARE_REDIS_URL ?? '')?.[1];
  return [
    ...told.map(([name]) => name),
    ...(password !== undefined && leaks(log, password) ? ['the password of FANFARE_REDIS_URL'] : []),
    ...(JWT.test(log) ? ['a token'] : []),
  ];
}

function leaks(log: string, secret: string): boolean {
  return secret.length >= MIN_LENGTH && log.includes(secret);
}

/** Fails the run where a log has what it may not have. */
export function searchLog(of: string, log: string, env: Readonly<Record<string, string>>): void {
  const found = leaksIn(log, env);
  if (found.length > 0) tellFault(new Error(`the log of ${of} has ${found.join(', ')}:\n${log.slice(-2_000)}`));
}
