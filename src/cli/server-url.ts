// Where the server is that a command asks: by its flag, by the variable, or on this machine.

import { type ConfigProblem, shown } from '../config/config-problem.js';
import { maskedUrl } from '../config/masked-url.js';
import { webBase } from '../config/network-types.js';

export const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Without a slash at the end. What was typed wrong is added to `problems`. */
export function serverUrl(
  flag: string | undefined,
  problems: ConfigProblem[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const url = flag ?? (env.FANFARE_URL || DEFAULT_URL);
  const read = webBase().safeParse(url);
  if (read.success) return read.data;
  const source = flag === undefined ? 'env FANFARE_URL' : 'flag --url';
  const expected = read.error.issues[0]?.message ?? '';
  problems.push({ option: 'url', source, message: `got ${shown(maskedUrl(url))}, expected ${expected}` });
  return url;
}
