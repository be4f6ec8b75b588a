// With which user and password Sentinels are asked: they may have the URL's, its password alone, or none.

import type { Redis, RedisOptions } from 'ioredis';

type Credentials = Pick<RedisOptions, 'sentinelUsername' | 'sentinelPassword'>;

interface Tried {
  readonly all: readonly Credentials[];
  /** Rounds over all Sentinels that ended with a refusal. */
  refusals: number;
}

const tried = new WeakMap<object, Tried>();
const LAST_ERROR = /^All sentinels are unreachable.*Last error: (.*)$/s;
const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password)\b/;

/** What a Sentinel said last, of an error that tells of all of them; else `undefined`. */
export function sentinelReason(error: unknown): string | undefined {
  return error instanceof Error ? LAST_ERROR.exec(error.message)?.[1] : undefined;
}

export function isSentinelRefusal(error: unknown): boolean {
  return REFUSED.test(sentinelReason(error) ?? '');
}

/** Where all Sentinels refuse who asks, the client asks the next time with the next credentials that may be meant. */
export function keepTryingCredentials(client: Redis): Redis {
  const { sentinels, sentinelUsername, sentinelPassword, username, password } = client.options;
  if (sentinels === undefined || sentinels === null) return client;
  // Others than the URL's were written down: they are meant.
  const isWritten = sentinelUsername !== username || sentinelPassword !== password;
  const own: Credentials = { sentinelUsername, sentinelPassword };
  const others = [{ sentinelPassword }, {}].map((one) => ({ sentinelUsername: undefined, ...one }));
  const all = isWritten
    ? [own]
    : [own, ...others.filter(({ sentinelPassword: word = null }) => word !== null || own.sentinelPassword)];
  const state: Tried = { all, refusals: 0 };
  tried.set(client, state);
  client.on('error', (error: Error) => {
    if (!isSentinelRefusal(error)) return;
    state.refusals++;
    const next = all[state.refusals % all.length] ?? own;
    Object.assign(client.options, { sentinelUsername: null, sentinelPassword: null }, next);
  });
  return client;
}

/** Whether whatever may be meant was refused. */
export function hasTriedAll(client: object): boolean {
  const state = tried.get(client);
  return state === undefined || state.refusals >= state.all.length;
}
