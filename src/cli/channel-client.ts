// Asks a node for a channel by its URL: with a publish key at the server that is named, or as a user at the node that discovery names.

import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import type { KeyRight } from '../config/key-list.js';
import { type ConnectResponse, PATHS } from '../protocol/index.js';
import type { ClientTerms } from './client-flags.js';
import { askHttp, type HttpAnswer, type Question } from './http-ask.js';
import { serverOption } from './server-option.js';

export interface KeyFlags {
  readonly publishKey?: string;
}

/** Where a channel can be asked for, and what shows who asks. */
export interface ChannelTerms {
  readonly url: string;
  readonly bearer: string | undefined;
  readonly keyKind?: Question['keyKind'];
}

/** The first of the keys that were given which has the right; `undefined` where none was given. Throws `ConfigError` for what is no key. */
export function keyFor(right: KeyRight, { publishKey }: KeyFlags): string | undefined {
  const problems: ConfigProblem[] = [];
  const keys = serverOption('publishKey', publishKey, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  // One that was written by itself says nothing of rights: the server knows.
  const written = publishKey ? keys?.[0] : keys?.find(({ rights }) => rights.includes(right));
  return written?.key;
}

/** With a key the server itself is asked; a user is sent on by discovery. */
export async function channelTerms({ url, token }: ClientTerms, key: string | undefined): Promise<ChannelTerms> {
  if (key !== undefined) return { url, bearer: key, keyKind: 'publish key' };
  const { json } = await askHttp(`${url}${PATHS.connect}`, {
    ...{ method: 'POST', bearer: token, body: '{}', whose: 'discovery' },
  });
  const { node, ticket } = json as ConnectResponse;
  return { url: node.url, bearer: ticket };
}

/** The answer, where it is 2xx. Throws `ClientEnded` as `askHttp` does. */
export function askChannel(
  { url, bearer, keyKind }: ChannelTerms,
  method: string,
  channel: string,
  query = '',
): Promise<HttpAnswer> {
  return askHttp(`${url}${PATHS.channels}/${encodeURIComponent(channel)}${query}`, {
    ...{ method, bearer, keyKind, whose: 'node' },
  });
}
