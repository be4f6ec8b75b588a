// What `sse` and the polls share: publishing by POST, and refusals that name channels.

import type { PATHS } from '../../src/protocol/index.js';
import { CLOSE_UNAUTHORIZED, type Failure, isFinal, toFailure } from '../errors.js';
import { post } from '../http.js';
import type { Link, LinkHost, Outgoing } from '../link.js';
import type { Timers } from '../timers.js';

const PUBLISH_PATH: (typeof PATHS)['publish'] = '/v1/publish';
/** An answer to a publish that does not come by then counts as a failure of the network. */
const LIMIT_MS = 10_000;

/** POSTs to the node with the ticket. Rejects as `post` does. */
export function postToNode(host: LinkHost, path: string, body: string, signal: AbortSignal): Promise<Response> {
  const { fetch } = host.settings;
  return post(fetch, host.url + path, host.session.ticket(), body, signal);
}

/** One publish at a time, so that they stay in order. `signal` ends it. */
export function createHttpPublish(host: LinkHost, timers: Timers, signal: AbortSignal): Link['publish'] {
  let busy = false;
  const send = async ({ body, done, fail }: Outgoing) => {
    const mine = new AbortController();
    const abort = () => mine.abort();
    signal.addEventListener('abort', abort);
    timers.set(mine, LIMIT_MS, abort);
    try {
      const response = await postToNode(host, PUBLISH_PATH, body, mine.signal);
      const { offset } = await response.json();
      busy = false;
      done(offset);
    } catch (error) {
      const failure = toFailure(error);
      // After the end the outbox repeats it over the next link.
      if (signal.aborted) return;
      busy = false;
      fail(failure);
      if (failure.close === CLOSE_UNAUTHORIZED) host.lost(failure);
    } finally {
      timers.clear(mine);
      signal.removeEventListener('abort', abort);
    }
  };
  return (outgoing) => {
    if (busy) return false;
    busy = true;
    send(outgoing);
    return true;
  };
}

/**
 * A final refusal ends the channels that it names, or, when it names none, those that were not confirmed yet: `fresh`.
 * Returns whether there were any, so that asking again asks for less.
 */
export function refuseChannels(host: LinkHost, failure: Failure, fresh: readonly string[]): boolean {
  if (!isFinal(failure) || failure.close === CLOSE_UNAUTHORIZED) return false;
  const names = (failure.channels ?? fresh).filter((name) => host.channels.has(name));
  for (const name of names) host.refuse(name, failure);
  return names.length > 0;
}

/** Whether `asked` is exactly what is wanted now. */
export function isCurrent({ channels }: LinkHost, asked: ReadonlyMap<string, unknown> | undefined): boolean {
  return asked?.size === channels.size && [...channels].every(([name, channel]) => asked.get(name) === channel);
}

/** The body of a poll or a stream. */
export function positionsBody(host: LinkHost, waitMs?: number): string {
  const channels = Object.fromEntries([...host.channels.values()].map(({ name, position }) => [name, position]));
  return JSON.stringify({ channels, waitMs });
}
