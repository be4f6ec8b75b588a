// `fanfare/client/sse`: a small client that only reads, over server-sent events alone.

import { decodeEvents } from '../src/protocol/decode-event.js';
import type { ConnectResponse, Feature, PATHS, ServerEvent } from '../src/protocol/index.js';
import { refuseArgument } from './arguments.js';
import { backoff } from './backoff.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import { type Coded, createEnd, createFailure, type Failure, isFinal, toFailure } from './errors.js';
import { post } from './http.js';
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
  STABLE_MS,
  TOKEN_LIMIT_MS,
} from './numbers.js';
import { createSecret } from './secret.js';
import { beginOf, createReader, type SseReader } from './sse-reader.js';
import type { SseClient, SseOptions } from './sse-types.js';
import { createTimers } from './timers.js';
import { createSseParser } from './transports/sse-parser.js';
import type { AnyChannels, Beginning, ClientState, Clock, FanfareError, Message } from './types.js';

export { FanfareError } from './errors.js';
export type * from './sse-types.js';
export type * from './types.js';

type Events = { state: ClientState; error: FanfareError };

/** A name that there is not is misspelt; what a testing server's options have for other entries may be given here too. */
const refuseOthers = (others: Readonly<Record<string, unknown>>) => {
  for (const name in others)
    if (others[name] !== undefined && !/^(WebSocket|storage)$/.test(name)) refuseArgument('option', name);
};

/** Makes a client; it connects with its first `subscribe`. Each change of channels is another stream. Throws `TypeError` on bad options. */
export const createClient = <Channels extends object = AnyChannels>(options: SseOptions): SseClient<Channels> => {
  const {
    url,
    token,
    random = Math.random,
    fetch = globalThis.fetch,
    clock = globalThis as unknown as Clock,
    ...others
  } = options;
  refuseOthers(others);
  if (!/^https?:/.test(url)) refuseArgument('url', url);
  const timers = createTimers(clock);
  const { on, emit } = createEmitter<Events>(/^(state|error)$/);
  const readers = new Map<string, SseReader>();
  /** Those that the stream was asked for, and that have not ended since. */
  let asked = readers;
  const session = createSecret();
  let state: ClientState = { type: 'idle' };
  let given: ConnectResponse | undefined;
  /** Who the client is, until it is closed. */
  let user: string | null | undefined;
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
    for (const [name, reader] of [...readers])
      if (next.type === 'closed') end(name, reader, next.reason);
      else reader.become({ type: 'pending' });
    // Unless a listener of a channel has closed the client, or begun anew.
    if (state === next) emit('state', next);
  };

  /** Returns whether it had not ended before. */
  const end = (name: string, reader: SseReader, code: string) => {
    if (readers.get(name) !== reader) return;
    readers.delete(name);
    asked.delete(name);
    reader.become({ type: 'closed', code });
    return true;
  };

  /** Leaves the stream, or the attempt at one. */
  const leave = () => {
    attempt?.abort();
    attempt = undefined;
    timers.clear();
  };

  const finish = (code: number, reason: string) => {
    if (state.type === 'closed') return;
    leave();
    user = given = undefined;
    become({ type: 'closed', code, reason });
  };

  /** What failed before is forgotten. */
  const settle = () => {
    failures = 0;
    exclude = [];
  };

  /** Opens a stream for the channels of now, in place of the one before. */
  const open = () => {
    if (state.type === 'closed') return;
    leave();
    if (!readers.size) return state.type === 'idle' || become({ type: 'idle' });
    const mine = new AbortController();
    attempt = mine;
    if (!/^con/.test(state.type)) become({ type: 'connecting' });
    // A listener may have closed the client.
    if (attempt === mine) run(mine).catch((error) => attempt === mine && fail(toFailure(error, url)));
  };

  /** Something came, or is to come; the next must not take longer than that. */
  const touch = () => timers.set(expire, heartbeatMs + DOUBT_MS + SIGN_MS);
  const expire = () => fail(createFailure(CLOSE_NETWORK, 'timeout', url));

  const run = async ({ signal }: AbortController) => {
    const send = (url: string, token: string | null | undefined, body: object) => post(fetch, url, token, body, signal);
    heartbeatMs = HEARTBEAT_MS;
    if (!given) {
      timers.set(expire, TOKEN_LIMIT_MS);
      const bearer = await ask(signal);
      if (signal.aborted) return;
      touch();
      const body = { exclude, transports: ['sse'], session };
      const path = '/v1/connect' satisfies (typeof PATHS)['connect'];
      const answer = (await (await send(url.replace(/\/+$/, '') + path, bearer, body)).json()) as ConnectResponse;
      if (signal.aborted) return;
      // Such as a captive portal's.
      if (!answer.ticket || !answer.node) throw 'ended';
      // What is subscribed to is the other's.
      if (user !== undefined && answer.user !== user) throw createFailure(CLOSE_NORMAL, 'user_changed');
      user = answer.user;
      given = answer;
      isRefused = false;
    }
    touch();
    const { node, ticket } = given;
    asked = new Map(readers);
    const response = await send(node.url + ('/v1/stream' satisfies (typeof PATHS)['stream']), ticket, {
      channels: Object.fromEntries([...asked].map(([name, { position }]) => [name, position])),
      features: ['positions' satisfies Feature],
    });
    const parse = createSseParser((data) => {
      for (const event of decodeEvents(data)) if (!signal.aborted) take(event);
    });
    for (const reader = (response.body as ReadableStream<Uint8Array>).getReader(); !signal.aborted; ) {
      const { done, value } = await reader.read();
      if (done) throw 'ended';
      // Behind what it says of its heartbeat.
      if (parse(value) && !signal.aborted) touch();
    }
  };

  const ask = async (signal: AbortSignal) => {
    if (typeof token !== 'function') return token;
    let bearer: string | null;
    try {
      bearer = await token({ reason: isRefused ? 'refused' : 'connect', signal });
    } catch (cause) {
      throw createFailure(CLOSE_NETWORK, 'token', `${cause}`, { cause });
    }
    if (bearer === null) throw createFailure(CLOSE_NORMAL, 'logged_out');
    // No function's failure makes a user anonymous.
    if (!/^[\w-]+(\.[\w-]+){2}$/.test(bearer)) throw createFailure(CLOSE_NETWORK, 'token');
    return bearer;
  };

  const take = (event: ServerEvent) => {
    const { channel = '', code = '' } = event as Partial<Coded>;
    if (event.type === 'connected') {
      heartbeatMs = event.heartbeatMs ?? heartbeatMs;
      timers.set(settle, STABLE_MS);
      if (state.type !== 'connected') become({ type: 'connected', transport: 'sse', node: event.node });
    } else if (event.type === 'close') throw createEnd(event.code, event.reason, event.retryAfterMs);
    // It is refused, or withdrawn.
    else if (code || event.type === 'error')
      refuse([channel], createFailure(/^(forb|bad|too)/.test(code) ? CLOSE_REFUSED : CLOSE_LATER, code));
    else asked.get(channel)?.take(event);
  };

  /** What it is final about is ended; else all is asked for again in a while. */
  const refuse = (names: readonly string[], failure: Failure) => {
    Object.assign(failure, { channel: names[0] });
    if (!isFinal(failure)) throw failure;
    emit('error', failure);
    // Whoever has subscribed anew since then was not asked for.
    for (const name of names) {
      const reader = asked.get(name);
      if (reader) end(name, reader, failure.code);
    }
  };

  const fail = (failure: Failure) => {
    const { close, code, channels } = failure;
    leave();
    if (/^(log|user)/.test(code)) return finish(close, code);
    // Where one is too many that is the last.
    const refused = channels ?? (/^too_m/.test(code) && [...readers.keys()].slice(-1));
    if (close === CLOSE_REFUSED && refused) {
      refuse(refused, failure);
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
    const retryInMs = backoff(failures++, random(), failure);
    timers.set(open, retryInMs);
    become({ type: 'waiting', retryInMs, cause: code });
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

  return {
    get state() {
      return state;
    },
    subscribe(name: string, options: Beginning = {}, listener?: (message: Message) => void) {
      const { after, last, ...others } = options;
      if (typeof options !== 'object') refuseArgument('options', typeof options);
      refuseOthers(others);
      const position = beginOf(name, after, last);
      const code =
        state.type === 'closed'
          ? 'closed'
          : readers.has(name)
            ? 'already_subscribed'
            : readers.size >= MAX_CHANNELS && 'too_many_channels';
      if (code) throw createFailure(CLOSE_NORMAL, code, code, { channel: name });
      const reader = createReader(
        name,
        position,
        () => given?.connection,
        () => end(name, reader, 'unsubscribed') && sync(),
      );
      if (listener) reader.subscription.on('message', listener as () => void);
      readers.set(name, reader);
      sync();
      return reader.subscription;
    },
    on,
    connect() {
      if (state.type === 'closed') become({ type: 'idle' });
      sync();
    },
    ...disposal('close', () => finish(CLOSE_NORMAL, 'closed')),
  } as object as SseClient<Channels>;
};
