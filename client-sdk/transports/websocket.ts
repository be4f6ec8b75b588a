// The `websocket` transport: commands and events over one socket.

import { decodeFrame } from '../../src/protocol/decode-frame.js';
import type { Begin, Feature, PATHS, PROTOCOL_VERSION, ServerEvent } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { isStale } from '../channel.js';
import { type Coded, createEnd, createFailure, createRefusal, type Failure, isFinal } from '../errors.js';
import { diff, type Link, type LinkHost, placesOf, type Source, type Wanted } from '../link.js';
import {
  CLOSE_NETWORK,
  CLOSE_REFUSED,
  COMMAND_BYTES,
  EARLY_COMMANDS,
  EARLY_FRAME_BYTES,
  PUBLISH_WINDOW,
  QUIET_MS,
  REPEAT_FAILURES,
} from '../numbers.js';

/** Fields that some events have. */
type AnyEvent = Exclude<ServerEvent, { type: 'close' }> & {
  readonly id?: number;
  readonly channel?: string;
  readonly offset?: string;
  readonly code?: string;
};

/** What becomes of a command; it says whether a refusal was dealt with. */
type Answer = (event: AnyEvent, failure: Failure | undefined) => void;

export const websocket = (host: LinkHost): Link => {
  const { channels, session, timers } = host;
  const source: Source = { order: host.order, sinceMs: host.clock.monotonic() };
  /** What the node was asked for: by which command, and after which position. */
  const asked = new Map<Wanted, readonly [command: number, begin: Begin]>();
  /** Channels that are being left, by which command: until its answer the node's word about one is about what that ends. */
  const leaving = new Map<unknown, number>();
  /** Commands that wait for their answer, but for subscribes. */
  const answers = new Map<unknown, Answer>();
  const url = host.url.replace(/^http/, 'ws') + ('/v1/ws' satisfies (typeof PATHS)['websocket']);
  const socket = new host.WebSocket(url);
  /** The last command; 0 before the socket is open. */
  let id = 0;
  /** 0 before `connected`. */
  let maxFrameBytes = 0;
  let publishes = 0;
  /** The node's own, where it can be asked for another; else 0. */
  let heartbeatMs = 0;
  let isQuiet = false;
  let retryAfterMs: number | undefined;

  const request = (type: string, fields: object, answer?: Answer) => {
    const frame = JSON.stringify({ type, id: ++id, ...fields });
    if (answer) answers.set(id, answer);
    socket.send(frame);
  };

  /** What is refused for now is asked for again later. */
  const again = (repeat: () => void, failure: Failure | undefined) => {
    if (failure) timers.set(repeat, backoff(REPEAT_FAILURES, host.random(), failure));
  };

  /** In as many commands as its bytes need; names are ASCII. What is too much before `connected` has its turn then. */
  const split = (all: readonly Wanted[], send: (some: readonly Wanted[]) => void): void => {
    const bytes = JSON.stringify(placesOf(all)).length + COMMAND_BYTES;
    if (all[1] && bytes > (maxFrameBytes || EARLY_FRAME_BYTES)) {
      const half = all.length >> 1;
      split(all.slice(0, half), send);
      split(all.slice(half), send);
    } else if (all[0] && (maxFrameBytes || id < EARLY_COMMANDS)) send(all);
  };
  const subscribe = (fresh: readonly Wanted[]) => {
    request('subscribe', { channels: placesOf(fresh) });
    for (const channel of fresh) asked.set(channel, [id, channel.position]);
  };
  const unsubscribe = (gone: readonly Wanted[]) => {
    for (const channel of gone) asked.delete(channel);
    request('unsubscribe', { channels: gone.map(({ name }) => name) }, (_event, failure) => {
      // The node would have another idea of what is wanted.
      if (failure && !isFinal(failure)) host.lost(failure);
    });
    for (const { name } of gone) leaving.set(name, id);
  };
  const sync = () => {
    if (!id) return;
    const { gone, fresh } = diff(asked.keys(), channels);
    split(gone, unsubscribe);
    split(fresh, subscribe);
  };

  const renew = (channel: Wanted) => {
    unsubscribe([channel]);
    sync();
  };

  const subscribed = (event: AnyEvent) => {
    const channel = channels.get(event.channel as string);
    const mine = channel && asked.get(channel);
    // The answer to a subscribe that was since taken back says nothing about the newer one.
    if (!mine || mine[0] !== event.id) return;
    if (!isStale(mine[1], channel) || event.offset === channel.position) host.receive(event, source);
    else renew(channel);
  };

  /** Refuses what a command has asked for, or whatever has for what is withdrawn; returns whether that was anything. */
  const refuse = ({ type, id, channel }: AnyEvent, failure: Failure): boolean => {
    const refused = [...asked]
      .filter(([{ name }, [command]]) => (command === id || type === 'unsubscribed') && (channel ?? name) === name)
      .map(([wanted]) => wanted);
    for (const wanted of refused) asked.delete(wanted);
    if (!channel && refused[1] && isFinal(failure)) {
      // One of them is refused, or all are too many: the others are none the worse for it.
      const half = refused.length >> 1;
      subscribe(refused.slice(0, half));
      subscribe(refused.slice(half));
    } else for (const wanted of refused) host.refuse(wanted, failure);
    return !!refused[0];
  };

  const connected = (event: AnyEvent & { readonly type: 'connected' }) => {
    maxFrameBytes = event.limits?.maxFrameBytes ?? 1 / 0;
    sync();
    if (event.features?.includes('quiet')) heartbeatMs = event.heartbeatMs;
    host.connected('websocket', event.heartbeatMs, event.limits);
    quiet();
  };

  const take = (event: AnyEvent) => {
    const { type, id, channel, code } = event;
    const answer = answers.get(id);
    answers.delete(id);
    if (leaving.get(channel) === id) leaving.delete(channel);
    // What was said before it is about something else than the link’s end.
    retryAfterMs = (event as Partial<Coded>).retryAfterMs;
    if (type === 'error') {
      const failure = createRefusal(event);
      // Of a `connect` that is refused, and of all behind it, the close that follows tells more.
      if (answer) answer(event, failure);
      else if (code !== 'not_connected' && !refuse(event, failure) && !isFinal(failure)) host.lost(failure);
    } else if (answer) answer(event, undefined);
    else if (type === 'subscribed') subscribed(event);
    else if (type === 'unsubscribed' && code) {
      // The node has withdrawn the permission.
      if (!leaving.has(channel)) refuse(event, createRefusal(event as Coded));
    } else if (host.receive(event, source)) renew(channels.get(channel as string) as Wanted);
  };

  const quiet = () => {
    if (!heartbeatMs || isQuiet === host.page.isHidden()) return;
    isQuiet = !isQuiet;
    request('quiet', { heartbeatMs: isQuiet ? QUIET_MS : heartbeatMs }, (event, failure) => {
      if (failure) isQuiet = !isQuiet;
      else host.connected('websocket', (event as { heartbeatMs: number }).heartbeatMs);
      again(quiet, failure);
    });
  };

  const refresh = () =>
    request('refresh', { token: session.ticket }, (_event, failure) => {
      if (!failure) return;
      host.failed(failure);
      if (!isFinal(failure) && socket.onmessage) again(refresh, failure);
    });

  const close = () => {
    socket.onmessage = socket.onclose = null;
    // `ws` throws without a listener.
    socket.onerror = () => {};
    timers.delete(quiet);
    timers.delete(refresh);
    socket.close();
  };

  socket.onopen = () => {
    // Subscribing does not wait for `connected`: one round trip less.
    request(
      'connect',
      {
        version: 1 satisfies typeof PROTOCOL_VERSION,
        token: session.ticket,
        features: ['ping', 'quiet', 'batch', 'positions', 'brief'] satisfies Feature[],
      },
      (event, failure) => failure || connected(event as typeof event & { type: 'connected' }),
    );
    sync();
  };
  socket.onmessage = ({ data }: { data: string }) => {
    host.touch();
    // One of them may end the link.
    for (const event of decodeFrame(data)) if (socket.onmessage) take(event as AnyEvent);
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
    host.lost(createEnd(code, reason || `network: ${url}`, retryAfterMs));
  // Where a page may not open one, some browsers tell nothing else; later the close that follows says all there is to know.
  socket.onerror = (cause: unknown) => {
    if (!id) host.lost(createFailure(CLOSE_NETWORK, 'network', `${url}: refused`, { cause }));
  };

  return {
    sync,
    close,
    publish({ type, body, done }) {
      if (publishes >= PUBLISH_WINDOW) return false;
      if (new Blob([JSON.stringify({ type, id: id + 1, ...body })]).size > maxFrameBytes) {
        // Sent, it would end the link for good.
        done(createFailure(CLOSE_REFUSED, 'payload_too_large'));
        return true;
      }
      publishes++;
      request(type, body, (event, failure) => {
        publishes--;
        done(failure, event.offset);
      });
      return true;
    },
    refresh,
    // A node that does not know it says so, which is a sign of life too.
    probe: () => request('ping', {}, () => {}),
    quiet,
  };
};
