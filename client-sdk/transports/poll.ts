// The `long-poll` and `short-poll` transports: the same request again and again, from the positions reached.

import type { HEADERS, LIMITS, PATHS, PolledChannel, PollResponse } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { toFailure } from '../errors.js';
import type { Link, LinkHost, OpenLink, Wanted } from '../link.js';
import { createTimers } from '../timers.js';
import { createHttpPublish, isCurrent, positionsBody, postToNode, refuseChannels } from './http-link.js';

const PATH: (typeof PATHS)['poll'] = '/v1/poll';
const MOVE_HEADER: (typeof HEADERS)['move'] = 'Fanfare-Move';
const HEARTBEAT_MS: (typeof LIMITS)['heartbeatMs'] = 25_000;
const WAIT_MS = 25_000;
const INTERVAL_MS = 2_000;
/** So many answers without progress in so short a time are a loop: some cache repeats an empty answer. */
const LOOP_ANSWERS = 5;
const LOOP_MS = 500;
/** Failures for which the backoff is taken to break out of a loop, or when the node asks for fewer polls. */
const PAUSE_FAILURES = 3;

export function poll(transport: 'long-poll' | 'short-poll'): OpenLink {
  return (host) => createPollLink(host, transport);
}

function createPollLink(host: LinkHost, transport: 'long-poll' | 'short-poll'): Link {
  const { channels, settings } = host;
  const { clock, random, pollWaitMs = WAIT_MS, pollIntervalMs = INTERVAL_MS } = settings;
  const isLong = transport === 'long-poll';
  const timers = createTimers(clock);
  const closing = new AbortController();
  /** Channels for which this link has had an answer. */
  const confirmed = new WeakSet<Wanted>();
  let polling: AbortController | undefined;
  let asked: ReadonlyMap<string, Wanted> | undefined;
  let connected = false;
  let idleAnswers = 0;
  let idleSinceMs = 0;

  const connect = () => {
    if (!connected) host.connected(transport, Math.max(HEARTBEAT_MS, isLong ? pollWaitMs : pollIntervalMs));
    connected = true;
  };

  /** The newer loop ends the older one; what that one was about to bring comes again. */
  const restart = () => {
    polling?.abort();
    polling = new AbortController();
    asked = new Map(channels);
    timers.clear(pause);
    if (channels.size) run(polling.signal, asked);
    else timers.set(pause, 0, connect);
  };

  const pause = (ms: number) => new Promise<void>((resolve) => timers.set(pause, ms, resolve));

  const run = async (signal: AbortSignal, asked: ReadonlyMap<string, Wanted>) => {
    while (!signal.aborted) {
      const fresh = [...asked].flatMap(([name, channel]) => (confirmed.has(channel) ? [] : name));
      try {
        // The first answer is not waited for: it shows that the link works.
        const waitMs = isLong && !fresh[0] ? pollWaitMs : 0;
        const response = await postToNode(host, PATH, positionsBody(host, waitMs), signal);
        const answer: PollResponse = response.status === 204 ? { channels: {} } : await response.json();
        if (signal.aborted) return;
        connect();
        host.touch();
        const pauseMs = take(signal, asked, new Map(Object.entries(answer.channels)));
        if (response.headers.get(MOVE_HEADER)) host.receive({ type: 'move', withinMs: 0, reason: 'draining' });
        if (pauseMs) await pause(pauseMs);
      } catch (error) {
        if (signal.aborted) return;
        const failure = toFailure(error);
        if (refuseChannels(host, failure, fresh)) return restart();
        if (failure.code !== 'rate_limited') return host.lost(failure);
        host.touch();
        await pause((failure.retryAfterMs ?? 0) + backoff(PAUSE_FAILURES, random()));
      }
    }
  };

  /** Hands on an answer; returns how long to pause before the next question. */
  const take = (signal: AbortSignal, asked: ReadonlyMap<string, Wanted>, news: ReadonlyMap<string, PolledChannel>) => {
    let more = false;
    let progress = false;
    for (const [name, channel] of asked) {
      if (signal.aborted || channels.get(name) !== channel) continue;
      const { position } = channel;
      const polled = news.get(name);
      if (!polled && position === 'now') continue;
      const offset = polled && position === 'now' ? polled.offset : position;
      host.receive({ type: 'subscribed', channel: name, offset, recovered: !polled?.gap });
      confirmed.add(channel);
      if (!polled) continue;
      if (polled.gap) host.receive({ type: 'gap', channel: name, ...polled.gap });
      for (const message of polled.messages) host.receive({ type: 'message', channel: name, ...message });
      host.receive({ type: 'subscribed', channel: name, offset: polled.offset, recovered: true });
      more ||= !!polled.more;
      progress ||= !!polled.messages[0] || channel.position !== position;
    }
    const now = clock.now();
    if (progress || !idleAnswers) {
      idleAnswers = 0;
      idleSinceMs = now;
    }
    if (++idleAnswers >= LOOP_ANSWERS) {
      idleAnswers = 0;
      if (now - idleSinceMs < LOOP_MS) return backoff(PAUSE_FAILURES, random());
    }
    return isLong || more ? 0 : pollIntervalMs;
  };

  restart();
  return {
    sync() {
      if (!isCurrent(host, asked)) restart();
    },
    publish: createHttpPublish(host, timers, closing.signal),
    // The next poll carries it.
    refresh() {},
    close() {
      closing.abort();
      polling?.abort();
      timers.clearAll();
    },
  };
}
