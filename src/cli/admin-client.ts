// Asks discovery for what backends may: with the admin key, over HTTP.

import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import { askHttp, type HttpAnswer } from './http-ask.js';
import { serverOption } from './server-option.js';
import { serverUrl } from './server-url.js';

export interface AdminFlags {
  readonly url?: string;
  readonly adminKey?: string;
}

/** Throws `ConfigError` for what was typed wrong, and `ClientEnded` as `askHttp` does. */
export async function askDiscovery(
  flags: AdminFlags,
  method: string,
  path: string,
  body?: object,
): Promise<HttpAnswer> {
  const problems: ConfigProblem[] = [];
  const key = keyOf(flags, problems);
  const url = serverUrl(flags.url, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const text = body === undefined ? undefined : JSON.stringify(body);
  return askHttp(url + path, { method, bearer: key, keyKind: 'admin key', body: text, whose: 'operators' });
}

/** The first, where the server has several. */
function keyOf({ adminKey }: AdminFlags, problems: ConfigProblem[]): string | undefined {
  const told = problems.length;
  const [key] = serverOption('adminKey', adminKey, problems) ?? [];
  if (key === undefined && problems.length === told) {
    const message = "needed: the server's FANFARE_ADMIN_KEY, by that variable or --admin-key";
    problems.push({ option: 'adminKey', source: 'not set', message });
  }
  return key;
}
