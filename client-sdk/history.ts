// What a channel's history holds after a position: one short poll, outside of any link.

import type { After, PATHS, PolledChannel, PollResponse } from '../src/protocol/index.js';
import { post, readJson } from './http.js';
import { ANSWER_LIMIT_MS } from './numbers.js';
import type { Given } from './session.js';
import type { Settings } from './settings.js';

/** Resolves with `undefined` where nothing is new. Rejects with a `Failure`, or when `stop` aborts or nothing comes any more. */
export const fetchHistory = async (
  { fetch, timers }: Settings,
  { node, ticket }: Given,
  name: string,
  after: After,
  stop: AbortController,
): Promise<PolledChannel | undefined> => {
  const expire = () => stop.abort();
  const touch = () => timers.set(expire, ANSWER_LIMIT_MS);
  touch();
  try {
    const path = '/v1/poll' satisfies (typeof PATHS)['poll'];
    const response = await post(
      fetch,
      node.url + path,
      ticket,
      { channels: { [name]: after }, waitMs: 0 },
      stop.signal,
    );
    if (response.status === 204) return undefined;
    const { channels } = (await readJson(response, touch)) as PollResponse;
    return Object.hasOwn(channels, name) ? channels[name] : undefined;
  } finally {
    timers.delete(expire);
  }
};
