// What a public channel holds after a position, by a GET of its URL: a cache in front, and the browser's own, may answer.

import type { Begin, CacheAddress, HEADERS, Offset, PATHS, PolledChannel, PolledGap } from '../src/protocol/index.js';
import { CACHE_LIMIT_MS, CACHE_REST_MS } from './numbers.js';
import { createTimers } from './timers.js';
import type { Clock, Fetch, Signal } from './types.js';

/** What is known of the cache. */
export interface CacheState {
  readonly cache?: CacheAddress;
  /** Until then, by the monotonic clock, it is not asked: it did not work. */
  cacheRestsUntilMs?: number;
}

/**
 * `undefined`: it is to be asked of the node, as there is no cache for that, or it does not work; then it is left alone for a while. Never rejects. It
 * may be older by a second or so than what the node would say.
 */
export type ReadCache = typeof readCache;

export const readCache = async (
  { fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock },
  given: CacheState,
  name: string,
  begin: Begin,
  outer: Signal,
): Promise<PolledChannel | undefined> => {
  const { cache } = given;
  const [namespace, rest] = name.split(':');
  const isPublic = cache?.namespaces.includes((rest === undefined ? 'default' : namespace) as string);
  if (!isPublic || begin === 'now' || clock.monotonic() < (given.cacheRestsUntilMs ?? 0)) return;
  const mine = new AbortController();
  const timers = createTimers(clock);
  const stop = () => {
    timers.clear();
    mine.abort();
  };
  timers.set(stop, CACHE_LIMIT_MS);
  outer.addEventListener('abort', stop);
  try {
    const path = '/v1/channels' satisfies (typeof PATHS)['channels'];
    const from = typeof begin === 'object' ? `last=${begin.last}` : `offset=${begin}`;
    const url = `${cache?.url}${path}/${name}?${from}&format=messages`;
    const response = await fetch(url, { method: 'GET', headers: {}, signal: mine.signal });
    const answer = await response.json();
    const { gap } = answer as { readonly gap?: PolledGap };
    const next = response.headers.get('Stream-Next-Offset' satisfies (typeof HEADERS)['streamNextOffset']);
    if (gap) return { offset: gap.offset, messages: [], gap, more: true };
    if (!response.ok || !next || !Array.isArray(answer)) throw 0;
    const isTail = response.headers.get('Stream-Up-To-Date' satisfies (typeof HEADERS)['streamUpToDate']);
    return { offset: next as Offset, messages: answer, ...(!isTail && { more: true }) };
  } catch {
    if (!outer.aborted) given.cacheRestsUntilMs = clock.monotonic() + CACHE_REST_MS;
  } finally {
    timers.clear();
    outer.removeEventListener('abort', stop);
  }
};
