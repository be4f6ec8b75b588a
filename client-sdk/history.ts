// What a channel's history holds after a position: one short poll, outside of any link.

import type { Begin, Feature, PATHS, PolledChannel } from '../src/protocol/index.js';
import { createTimeout, toFailure } from './errors.js';
import { post } from './http.js';
import { ANSWER_LIMIT_MS, TRICKLED_ANSWER_MS } from './numbers.js';
import { pollAnswer } from './poll-answer.js';
import type { Given } from './session.js';
import type { Settings } from './settings.js';

/** Resolves with `undefined` where nothing is new. Rejects with a `Failure`, or when `stop` aborts or nothing comes any more. */
export const fetchHistory = async (
  { fetch, timers, clock }: Settings,
  given: Given,
  name: string,
  begin: Begin,
  stop: AbortController,
): Promise<PolledChannel | undefined> => {
  const expire = () => stop.abort(createTimeout(given.node.url));
  const untilMs = clock.monotonic() + TRICKLED_ANSWER_MS;
  const touch = () => timers.set(expire, Math.min(ANSWER_LIMIT_MS, untilMs - clock.monotonic()));
  touch();
  try {
    const path = '/v1/poll' satisfies (typeof PATHS)['poll'];
    for (;;) {
      const { node, ticket, maxBytes } = given;
      const body = { channels: { [name]: begin }, waitMs: 0, maxBytes, features: ['positions' satisfies Feature] };
      const response = await post(fetch, node.url + path, ticket, body, stop.signal);
      const channels = await pollAnswer(response, given, stop.signal, touch);
      if (channels) return Object.hasOwn(channels, name) ? channels[name] : undefined;
    }
  } catch (error) {
    throw toFailure(stop.signal.reason ?? error, given.node.url);
  } finally {
    timers.delete(expire);
  }
};
