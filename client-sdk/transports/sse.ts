// The `sse` transport: one streamed response per set of channels; another set is another stream, open before the old one is left.

import { decodeEvent } from '../../src/protocol/decode-event.js';
import type { LIMITS, MessageEvent, PATHS, ServerEvent } from '../../src/protocol/index.js';
import { CLOSE_NETWORK, closeFor, createEnd, createFailure, type Failure, isFinal, toFailure } from '../errors.js';
import type { Link, LinkHost, Wanted } from '../link.js';
import { createTimers } from '../timers.js';
import { createHttpPublish, isCurrent, positionsBody, postToNode, refuseChannels } from './http-link.js';
import { createSseParser } from './sse-parser.js';

const PATH: (typeof PATHS)['stream'] = '/v1/stream';
const HEARTBEAT_MS: (typeof LIMITS)['heartbeatMs'] = 25_000;
/** Delay before a stream that was to take over is tried again, on top of what the node asks for. */
const REOPEN_MS = 1_000;

interface Stream {
  readonly asked: ReadonlyMap<string, Wanted>;
  /** Channels that it has not answered for yet. */
  readonly pending: Set<string>;
  readonly abort: AbortController;
}

export function sse(host: LinkHost): Link {
  const { channels, settings } = host;
  const timers = createTimers(settings.clock);
  const closing = new AbortController();
  /** Which stream delivers a channel: the one that said `subscribed` last. */
  const delivering = new WeakMap<Wanted, Stream>();
  /** The one that delivers, if any, and the newest; never more. */
  let streams: Stream[] = [];
  let connected = false;

  const connect = (heartbeatMs: number = HEARTBEAT_MS) => {
    if (!connected) host.connected('sse', heartbeatMs);
    connected = true;
  };

  const stop = (unneeded: readonly Stream[]) => {
    streams = streams.filter((stream) => !unneeded.includes(stream));
    for (const { abort } of unneeded) abort.abort();
  };

  const open = () => {
    timers.clear(open);
    // One that has not answered for a channel has nothing that could be lost with it.
    stop(streams.filter(({ asked, pending }) => !channels.size || pending.size === asked.size));
    stop(streams.slice(1));
    // Without channels there is nothing to stream; the first one will show whether it works.
    if (!channels.size) return timers.set(connect, 0, connect);
    const stream = { asked: new Map(channels), pending: new Set(channels.keys()), abort: new AbortController() };
    streams.push(stream);
    run(stream);
  };

  const run = async (stream: Stream) => {
    const { signal } = stream.abort;
    try {
      const response = await postToNode(host, PATH, positionsBody(host), signal);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const parse = createSseParser((data) => {
        const event = decodeEvent(data);
        if (event && !signal.aborted) take(stream, event);
      });
      for (;;) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) throw createFailure(CLOSE_NETWORK, 'network', 'the stream ended');
        host.touch();
        parse(value);
      }
    } catch (error) {
      if (!signal.aborted) lose(stream, toFailure(error));
    }
  };

  const take = (stream: Stream, event: ServerEvent) => {
    const { type, channel: name } = event as MessageEvent | { type: ''; channel: string };
    const channel = channels.get(name);
    const known = channel && channel === stream.asked.get(name);
    connect(event.type === 'connected' ? event.heartbeatMs : undefined);
    if (event.type === 'close') {
      lose(stream, createEnd(event.code, event.reason, event.retryAfterMs));
    } else if (event.type === 'error') {
      const failure = createFailure(closeFor(event.code), event.code, event.message, event);
      if (!known) return;
      if (isFinal(failure)) host.refuse(name, failure);
      else lose(stream, failure);
    } else if (event.type === 'subscribed') {
      if (!known) return;
      delivering.set(channel, stream);
      stream.pending.delete(name);
      host.receive(event);
      if (!stream.pending.size) stop(streams.filter((other) => other !== stream && streams.at(-1) === stream));
    } else if (!name || (known && delivering.get(channel) === stream)) {
      host.receive(event);
    }
    void type;
  };

  const lose = (stream: Stream, failure: Failure) => {
    const newest = stream === streams.at(-1);
    const fresh = [...channels].flatMap(([name, channel]) => (delivering.has(channel) ? [] : name));
    stop([stream]);
    // The one that is taking over goes on after the same positions.
    if (!newest) return;
    if (refuseChannels(host, failure, fresh)) open();
    else if (streams[0] && !isFinal(failure)) timers.set(open, REOPEN_MS + (failure.retryAfterMs ?? 0), open);
    else host.lost(failure);
  };

  open();
  return {
    sync() {
      if (!isCurrent(host, streams.at(-1)?.asked)) open();
    },
    publish: createHttpPublish(host, timers, closing.signal),
    refresh: open,
    close() {
      closing.abort();
      stop(streams);
      timers.clearAll();
    },
  };
}
