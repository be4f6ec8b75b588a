// `fanfare/client/sse`: a small client that only reads, over server-sent events alone.

import { decodeEvent } from '../src/protocol/decode-event.js';
import type { Begin, ConnectResponse, Feature, MessageEvent, PATHS, ServerEvent } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { isOpen } from './channel.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import { type Coded, createEnd, createFailure, type Failure, isFinal, toFailure } from './errors.js';
import { pieces, post } from './http.js';
import { toMessage } from './message.js';
import {
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_NORMAL,
  CLOSE_REFUSED,
  CLOSE_UNAUTHORIZED,
  DOUBT_MS,
  HEARTBEAT_MS,
  MAX_CHANNELS,
  SIGN_MS,
} from './numbers.js';
import type { SseClient, SseOptions } from './sse-types.js';
import { createTimers } from './timers.js';
import { createSseParser } from './transports/sse-parser.js';
import type { AnyChannels, Beginning, ClientState, FanfareError, Gap, Message, SubscriptionState } from './types.js';

export { FanfareError } from './errors.js';
export type * from './sse-types.js';
export type * from './types.js';

/** What a channel's subscription is told. */
interface Reader {
  position: Begin;
  take(event: ServerEvent): void;
  become(state: SubscriptionState): void;
}

type Events = { state: ClientState; error: FanfareError };
type ReaderEvents = { state: SubscriptionState; message: Message; gap: Gap };

/** Makes a client; it connects with its first `subscribe`. Each change of channels is another stream. Throws `TypeError` on bad options. */
export const createClient = <Channels extends object = AnyChannels>(options: SseOptions): SseClient<Channels> => {
  const { url, token, random = Math.random, fetch = globalThis.fetch } = options;
  const clock = options.clock ?? { now: Date.now, monotonic: () => performance.now(), setTimeout, clearTimeout };
  if (!/^https?:/.test(url)) throw new TypeError(`bad url: ${url}`);
  const timers = createTimers(clock);
  const { on, emit } = createEmitter<Events>();
  const readers = new Map<string, Reader>();
  /** Those that the stream was asked for, and that have not ended since. */
  let asked = readers;
  const session = Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => (byte % 36).toString(36)).join('');
  let state: ClientState = { type: 'idle' };
  let given: ConnectResponse | undefined;
  let attempt: AbortController | undefined;
  let failures = 0;
  let isQueued = false;
  let exclude: readonly string[] = [];

  const become = (next: ClientState) => {
    state = next;
    emit('state', next);
  };

  const end = (name: string, code: string) => {
    const reader = readers.get(name);
    readers.delete(name);
    asked.delete(name);
    reader?.become({ type: 'closed', code });
  };

  const finish = (code: number, reason: string) => {
    if (state.type === 'closed') return;
    attempt?.abort();
    attempt = given = undefined;
    timers.clear();
    become({ type: 'closed', code, reason });
    for (const name of [...readers.keys()]) end(name, reason);
  };

  /** Opens a stream for the channels of now, in place of the one before. */
  const open = () => {
    attempt?.abort();
    const mine = new AbortController();
    attempt = mine;
    timers.clear();
    if (!readers.size) return;
    if (state.type !== 'connected') become({ type: 'connecting' });
    run(mine).catch((error) => attempt === mine && fail(toFailure(error)));
  };

  const run = async (mine: AbortController) => {
    const { signal } = mine;
    /** Something came; the next must not take longer than that. */
    const touch = () => timers.set(expire, HEARTBEAT_MS + DOUBT_MS + SIGN_MS);
    const expire = () => {
      mine.abort();
      if (attempt === mine) fail(createFailure(CLOSE_NETWORK, 'timeout'));
    };
    touch();
    given ??= await assign(signal);
    const { node, ticket } = given as ConnectResponse;
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
      if (event && attempt === mine) take(event);
    });
    for (const reader = pieces(body); ; ) {
      const { done, value } = await reader.read();
      if (attempt !== mine) return;
      if (done) throw createEnd(CLOSE_NETWORK);
      touch();
      parse(value);
    }
  };

  const assign = async (signal: AbortSignal): Promise<ConnectResponse> => {
    const bearer = typeof token === 'function' ? await token({ reason: 'connect', signal }) : token;
    if (bearer === null) throw createFailure(CLOSE_NORMAL, 'logged_out');
    // No function's failure makes a user anonymous.
    if (token && !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(String(bearer))) throw createFailure(CLOSE_NETWORK, 'token');
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
      failures = 0;
      exclude = [];
      if (state.type !== 'connected') become({ type: 'connected', transport: 'sse', node: event.node });
    } else if (event.type === 'close') throw createEnd(event.code, event.reason, event.retryAfterMs);
    else if (type === 'error' || (type === 'unsubscribed' && code)) refuse([channel], code ?? '');
    else asked.get(channel)?.take(event);
  };

  /** What it is final about is ended; else all is asked for again in a while. */
  const refuse = (names: readonly string[], code: string) => {
    const [channel] = names;
    const failure = createFailure(/^(forb|bad|too)/.test(code) ? CLOSE_REFUSED : CLOSE_LATER, code, code, { channel });
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
      refuse(channels, code);
      return open();
    }
    emit('error', failure);
    // What a function gives may be better the next time.
    if (isFinal(failure) && !(close === CLOSE_UNAUTHORIZED && (typeof token === 'function' || given)))
      return finish(close, code);
    if (close === CLOSE_NETWORK && given) exclude = [given.node.id];
    given = undefined;
    if (state.type === 'closed') return;
    const retryInMs = backoff(failures++, random(), retryAfterMs);
    timers.set(open, retryInMs);
    for (const reader of readers.values()) reader.become({ type: 'pending' });
    become({ type: 'waiting', retryInMs, cause: code });
  };

  /** After all that changes in this turn; a stream that was to be opened later is opened then. */
  const sync = () => {
    if (isQueued) return;
    isQueued = true;
    queueMicrotask(() => {
      isQueued = false;
      if (state.type !== 'waiting' && state.type !== 'closed') open();
    });
  };

  return {
    get state() {
      return state;
    },
    subscribe(name: string, { after, last }: Beginning = {}, listener?: (message: Message) => void) {
      const position = beginOf(name, after, last);
      if (state.type === 'closed') throw createFailure(CLOSE_NORMAL, 'closed');
      if (readers.has(name)) throw createFailure(CLOSE_NORMAL, 'already_subscribed', undefined, { channel: name });
      if (readers.size >= MAX_CHANNELS)
        throw createFailure(CLOSE_NORMAL, 'too_many_channels', undefined, { channel: name });
      const emitter = createEmitter<ReaderEvents>();
      let now: SubscriptionState = { type: 'pending' };
      const reader: Reader = {
        position,
        become(next) {
          if (now.type === 'closed' || now.type === next.type) return;
          now = next;
          emitter.emit('state', next);
        },
        take(event) {
          const at = reader.position;
          if (event.type === 'subscribed') {
            const { offset, recovered } = event;
            if (isOpen(at) || recovered) reader.position = offset;
            reader.become({ type: 'subscribed', offset, recovered });
          } else if (event.type === 'gap') {
            reader.position = event.offset;
            emitter.emit('gap', event);
          } else if (event.type === 'message') {
            if (event.offset && event.offset <= (at as string)) return;
            reader.position = event.offset ?? at;
            emitter.emit('message', toMessage(event as MessageEvent, given?.connection));
          }
        },
      };
      const unsubscribe = () => {
        if (readers.get(name) !== reader) return;
        end(name, 'unsubscribed');
        sync();
      };
      readers.set(name, reader);
      if (listener) emitter.on('message', listener);
      sync();
      return {
        channel: name,
        get state() {
          return now;
        },
        get offset() {
          const { position } = reader;
          return typeof position === 'object' ? '-1' : position;
        },
        on: emitter.on,
        unsubscribe,
        ...disposal(unsubscribe),
      };
    },
    on,
    connect() {
      if (state.type === 'closed') become({ type: 'idle' });
      sync();
    },
    close: () => finish(CLOSE_NORMAL, 'closed'),
    ...disposal(() => finish(CLOSE_NORMAL, 'closed')),
  } as object as SseClient<Channels>;
};

/** Throws `TypeError` where the channel's name or the beginning is none. */
const beginOf = (name: string, after: unknown = 'now', last?: number): Begin => {
  if (!/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/.test(name)) throw new TypeError(`bad channel: ${name}`);
  if (last) return { last };
  if (!/^(-1|now|\d{13}-\d{16})$/.test(String(after))) throw new TypeError(`bad after: ${after}`);
  return after as Begin;
};
