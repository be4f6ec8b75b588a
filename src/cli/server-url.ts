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
  const source = flag === undefined ? 'env FANFARE_URL' : 'flag --url';
  return readUrl({ option: 'url', source }, flag ?? (env.FANFARE_URL || DEFAULT_URL), problems);
}

/** Without a slash at the end. What was written wrong is added to `problems`. */
export function readUrl(
  place: Pick<ConfigProblem, 'option' | 'source'>,
  written: string,
  problems: ConfigProblem[],
): string {
  const read = webBase().safeParse(written);
  if (read.success) return read.data;
  const expected = read.error.issues[0]?.message ?? '';
  problems.push({ ...place, message: `got ${shown(maskedUrl(written))}, expected ${expected}` });
  return written;
}
