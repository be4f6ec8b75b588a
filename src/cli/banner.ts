// What a person at a terminal reads when `fanfare start` is ready.

import type { MadeSecrets } from '../config/findings.js';
import { type DevelopmentToken, ownersToken } from './demo-token.js';

const TOKEN_LIFE_MS = 3_600_000;

/** The URL, a token where the server may give one, what to try, and which secrets were made. */
export async function startBanner(
  url: string,
  made: MadeSecrets,
  development: DevelopmentToken | undefined,
): Promise<string> {
  const where = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`;
  const lines = [
    '',
    `  Fanfare is ready: ${url}`,
    '',
    `  ${development === undefined ? 'Type' : 'Open it in a browser, or type'} in two other terminals:`,
    `    npx fanfare subscribe news${where}`,
    `    npx fanfare publish news '{"hello":"world"}'${where}`,
  ];
  if (development === undefined) {
    lines.push('', '  They need a token: --token, or FANFARE_AUTH_SECRET to sign one.');
  } else {
    if (made.authSecret === 'random') lines.push('', '  They need a token: --token and the one below.');
    lines.push('', '  A token for an hour, for your own first client:');
    lines.push(`    ${await ownersToken(development, TOKEN_LIFE_MS)}`);
  }
  return [...lines, ...madeLines(made), ''].join('\n');
}

function madeLines(made: MadeSecrets): readonly string[] {
  const keys = Object.keys(made).join(' and ');
  if (keys === '') return [];
  if (made.authSecret === 'built-in') {
    return ['', '  Signed with the development secret, which everybody can read: only for this machine.'];
  }
  return ['', `  Made at random for this process: ${keys}. What is signed with it ends with the process.`];
}
