// What a person at a terminal reads when `fanfare start` is ready.

import { type DevelopmentToken, developmentToken } from './demo-token.js';

const TOKEN_LIFE_MS = 3_600_000;

/** The URL, a token where the server may give one, and what to try. */
export async function startBanner(url: string, development: DevelopmentToken | undefined): Promise<string> {
  const where = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`;
  const lines = [
    '',
    `  Fanfare is ready: ${url}`,
    '',
    '  Open it in a browser, or type in two other terminals:',
    `    npx fanfare subscribe news${where}`,
    `    npx fanfare publish news '{"hello":"world"}'${where}`,
  ];
  if (development === undefined) {
    lines.push('', '  They need a token: --token, or FANFARE_AUTH_SECRET to sign one.');
  } else {
    const token = await developmentToken(development, TOKEN_LIFE_MS);
    lines.push(
      '',
      '  A token for an hour, for your own first client (development secret: not for production):',
      `    ${token}`,
    );
  }
  return [...lines, ''].join('\n');
}
