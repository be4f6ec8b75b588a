// Asks discovery for what backends may: with the admin key, over HTTP.

import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import { bearerKeys } from '../config/key-types.js';
import type { Problem } from '../protocol/index.js';
import { ClientEnded } from './client-flags.js';
import { serverUrl } from './server-url.js';

/** Chosen: longer than discovery takes to ask all members. */
const TIMEOUT_MS = 10_000;

export interface AdminFlags {
  readonly url?: string;
  readonly adminKey?: string;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Throws `ConfigError` for what was typed wrong, `ClientEnded` with the code of a refusal, and what `fetch` throws. */
export async function askDiscovery(
  flags: AdminFlags,
  method: string,
  path: string,
  body?: object,
): Promise<AdminAnswer> {
  const problems: ConfigProblem[] = [];
  const key = keyOf(flags, problems);
  const url = serverUrl(flags.url, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const json = parsed(await response.text());
  if (response.ok) return { status: response.status, body: json };
  const { code = 'network', detail = `${url} answered ${response.status}` } = json as Partial<Problem>;
  throw new ClientEnded(code, detail);
}

/** The first, where the variable is that of a server and has several. */
function keyOf({ adminKey }: AdminFlags, problems: ConfigProblem[]): string | undefined {
  const typed = adminKey ?? process.env.FANFARE_ADMIN_KEY;
  const source = adminKey === undefined ? 'env FANFARE_ADMIN_KEY' : 'flag --admin-key';
  if (typed === undefined || typed === '') {
    const message = "needed: the server's FANFARE_ADMIN_KEY, by that variable or --admin-key";
    problems.push({ option: 'adminKey', source: 'not set', message });
    return undefined;
  }
  const keys = bearerKeys().safeParse(typed);
  if (keys.success) return keys.data[0];
  problems.push({ option: 'adminKey', source, message: `expected ${keys.error.issues[0]?.message}` });
  return undefined;
}

/** What is not ours, as a proxy's page, says nothing. */
function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
