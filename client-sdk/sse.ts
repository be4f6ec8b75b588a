// `fanfare/client/sse`: a small client that only reads, over server-sent events alone.

import { decodeEvent } from '../src/protocol/decode-event.js';
import type { ConnectResponse, Feature, PATHS, ServerEvent } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import { type Coded, createEnd, createFailure, type Failure, isFinal, toFailure } from './errors.js';
import { pieces, post } from './http.js';
import {
  BACKOFF_CAP_MS,
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_NORMAL,
  CLOSE_REFUSED,
  CLOSE_UNAUTHORIZED,
  CLOSE_WORD,
  DOUBT_MS,
  HEARTBEAT_MS,
  MAX_CHANNELS,
  SIGN_MS,
  STABLE_MS,
  TOKEN_LIMIT_MS,
} from './numbers.js';
import { beginOf, createReader, type SseReader } from './sse-reader.js';
import type { SseClient, SseOptions } from './sse-types.js';
import { createTimers } from './timers.js';
import { createSseParser } from './transports/sse-parser.js';
import type { AnyChannels, Beginning, ClientState, FanfareError, Message } from './types.js';

export { FanfareError } from './errors.js';
export type * from './sse-types.js';
export type * from './types.js';

type Events = { state: ClientState; error: FanfareError };

/** Makes a client; it connects with its first `subscribe`. Each change of channels is another stream. Throws `TypeError` on bad options. */
export const createClient = <Channels extends object = AnyChannels>(options: SseOptions): SseClient<Channels> => {
  const { url, token, random = Math.random, fetch = globalThis.fetch } = options;
  const clock = options.clock ?? { now: Date.now, monotonic: () => performance.now(), setTimeout, clearTimeout };
  if (!/^https?:/.test(url)) throw new TypeError(`bad url: ${url}`);
  const timers = createTimers(clock);
  const { on, emit } = createEmitter<Events>();
  const readers = new Map<string, SseReader>();
  /** Those that the stream was asked for, and that have not ended since. */
  let asked = readers;
  const session = Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => (byte % 36).toString(36)).join('');
  let state: ClientState = { type: 'idle' };
  let given: ConnectResponse | undefined;
  let attempt: AbortController | undefined;
  let failures = 0;
  let isQueued = false;
  /** Discovery has refused the last token. */
  let isRefused = false;
  /** What the node is silent for at most, as it says itself. */
  let heartbeatMs = HEARTBEAT_MS;
  let exclude: readonly string[] = [];

  const become = (next: ClientState) => {
    state = next;
    emit('state', next);
  };

  const end = (name: string, code: string) => {
    const reader = readers.get(name) as SseReader;
    readers.delete(name);
    asked.delete(name);
    reader.become({ type: 'closed', code });
  };

  const finish = (code: number, reason: string) => {
    if (state.type === 'closed') return;
    attempt?.abort();
    attempt = given = undefined;
    timers.clear();
    const closed = { type: 'closed', code, reason } as const;
    state = closed;
    for (const name of [...readers.keys()]) end(name, reason);
    // Now a listener may begin anew.
    emit('state', closed);
  };

  /** What failed before is forgotten. */
  const settle = () => {
    failures = 0;
    exclude = [];
  };

  /** Opens a stream for the channels of now, in place of the one before. */
  const open = () => {
    if (state.type === 'closed') return;
    attempt?.abort();
    const mine = new AbortController();
    attempt = mine;
    timers.clear();
    const type = readers.size ? 'connecting' : 'idle';
    if (state.type !== type && (type === 'idle' || state.type !== 'connected')) become({ type });
    // A listener may have closed the client.
    if (type !== 'idle' && attempt === mine) run(mine).catch((error) => attempt === mine && fail(toFailure(error)));
  };

  const run = async (mine: AbortController) => {
    const { signal } = mine;
    /** Something came; the next must not take longer than that. */
    const touch = () => isMine() && timers.set(expire, heartbeatMs + DOUBT_MS + SIGN_MS);
    const isMine = () => attempt === mine;
    const expire = () => {
      fail(createFailure(CLOSE_NETWORK, 'timeout'));
    };
    heartbeatMs = HEARTBEAT_MS;
    if (!given) {
      timers.set(expire, TOKEN_LIMIT_MS);
      const bearer = await ask(signal);
      if (!isMine()) return;
      touch();
      const answer = await assign(bearer, signal);
      if (!isMine()) return;
      given = answer;
      isRefused = false;
    }
    touch();
    const { node, ticket } = given;
    asked = new Map(readers);
    const channels = Object.fromEntries([...asked].map(([name, { position }]) => [name, position]));
    const features = ['positions' satisfies Feature];
    const { body } = await post(
      fetch,
      `${node.url}${'/v1/stream' satisfies (typeof PATHS)['stream']}`,
      ticket,
      { channels, features },
      signal,
    );
    const parse = createSseParser((data) => {
      const event = decodeEvent(data);
      if (event && isMine()) take(event);
    });
    for (const reader = pieces(body); ; ) {
      const { done, value } = await reader.read();
      if (!isMine()) return;
      if (done) throw createEnd(CLOSE_NETWORK);
      parse(value);
      // Behind what it says of its heartbeat.
      touch();
    }
  };

  const ask = async (signal: AbortSignal): Promise<string | undefined> => {
    if (typeof token !== 'function') return token ?? undefined;
    let bearer: string | null;
    try {
      bearer = await token({ reason: isRefused ? 'refused' : 'connect', signal });
    } catch (cause) {
      throw createFailure(CLOSE_NETWORK, 'token', String(cause), { cause });
    }
    if (bearer === null) throw createFailure(CLOSE_NORMAL, 'logged_out');
    // No function's failure makes a user anonymous.
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(bearer)) throw createFailure(CLOSE_NETWORK, 'token');
    return bearer;
  };

  const assign = async (bearer: string | undefined, signal: AbortSignal): Promise<ConnectResponse> => {
    const body = { exclude, transports: ['sse'], session };
    const response = await post(
      fetch,
      url.replace(/\/+$/, '') + ('/v1/connect' satisfies (typeof PATHS)['connect']),
      bearer,
      body,
      signal,
    );
    const answer = (await response.json()) as ConnectResponse;
    // Such as a captive portal's.
    if (!answer.ticket || !answer.node) throw createFailure(CLOSE_NETWORK, 'network');
    return answer;
  };

  const take = (event: ServerEvent) => {
    const { type, channel = '', code } = event as Exclude<ServerEvent, { type: 'close' }> & Partial<Coded>;
    if (event.type === 'connected') {
      heartbeatMs = event.heartbeatMs ?? HEARTBEAT_MS;
      timers.set(settle, STABLE_MS);
      if (state.type !== 'connected') become({ type: 'connected', transport: 'sse', node: event.node });
    } else if (event.type === 'close') throw createEnd(event.code, event.reason, event.retryAfterMs);
    else if (type === 'error' || (type === 'unsubscribed' && code))
      refuse([channel], code ?? '', /^(forb|bad|too)/.test(code as string) ? CLOSE_REFUSED : CLOSE_LATER);
    else asked.get(channel)?.take(event);
  };

  /** What it is final about is ended; else all is asked for again in a while. */
  const refuse = (names: readonly string[], code: string, close: number) => {
    const [channel] = names;
    const failure = createFailure(close, code, code, { channel });
    if (!isFinal(failure)) throw failure;
    emit('error', failure);
    // Whoever has subscribed anew since then was not asked for.
    for (const name of names) if (asked.has(name)) end(name, code);
  };

  const fail = (failure: Failure) => {
    const { close, code, channels, retryAfterMs } = failure;
    attempt?.abort();
    attempt = undefined;
    timers.clear();
    if (code === 'logged_out') return finish(CLOSE_NORMAL, code);
    if (close === CLOSE_REFUSED && channels) {
      refuse(channels, code, close);
      return open();
    }
    emit('error', failure);
    // What a function gives may be better the next time.
    if (isFinal(failure) && !(close === CLOSE_UNAUTHORIZED && (typeof token === 'function' || given)))
      return finish(close, code);
    if (close === CLOSE_NETWORK && given) exclude = [given.node.id];
    isRefused ||= close === CLOSE_UNAUTHORIZED && !given;
    given = undefined;
    if (state.type === 'closed') return;
    const delayMs = backoff(failures++, random(), retryAfterMs);
    // What stands in between may be gone at any time, whatever it says itself.
    const retryInMs = close < CLOSE_WORD ? Math.min(delayMs, BACKOFF_CAP_MS) : delayMs;
    timers.set(open, retryInMs);
    const waiting = { type: 'waiting', retryInMs, cause: code } as const;
    state = waiting;
    for (const reader of [...readers.values()]) reader.become({ type: 'pending' });
    // Unless a listener has closed the client.
    if (state === waiting) emit('state', waiting);
  };

  /** After all that changes in this turn; a stream that was to be opened later is opened then. */
  const sync = () => {
    if (isQueued) return;
    isQueued = true;
    queueMicrotask(() => {
      isQueued = false;
      if (state.type !== 'waiting') open();
    });
  };

  const close = () => finish(CLOSE_NORMAL, 'closed');

  return {
    get state() {
      return state;
    },
    subscribe(name: string, { after, last }: Beginning = {}, listener?: (message: Message) => void) {
      const position = beginOf(name, after, last);
      const full = readers.size >= MAX_CHANNELS && 'too_many_channels';
      const code = state.type === 'closed' ? 'closed' : readers.has(name) ? 'already_subscribed' : full;
      if (code) throw createFailure(CLOSE_NORMAL, code, code, { channel: name });
      const reader = createReader(position, () => given?.connection);
      const { on } = reader;
      const unsubscribe = () => {
        if (readers.get(name) !== reader) return;
        end(name, 'unsubscribed');
        sync();
      };
      readers.set(name, reader);
      if (listener) on('message', listener);
      sync();
      return {
        channel: name,
        get state() {
          return reader.state;
        },
        get offset() {
          const { position } = reader;
          return typeof position === 'object' ? '-1' : position;
        },
        on,
        unsubscribe,
        ...disposal(unsubscribe),
      };
    },
    on,
    connect() {
      if (state.type === 'closed') become({ type: 'idle' });
      sync();
    },
    close,
    ...disposal(close),
  } as object as SseClient<Channels>;
};
