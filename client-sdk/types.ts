// The SDK's public types.

import type { After, GapEvent, MessageEvent, Offset, Transport } from '../src/protocol/index.js';
import type { FanfareError } from './errors.js';

export type { After, GapEvent, GapReason, Json, Offset, Sender, Transport } from '../src/protocol/index.js';
export type { FanfareError } from './errors.js';

/** One message of a channel. `offset` is absent on live-only messages; `skipped` counts messages that were left out directly before it. */
export interface Message<T = unknown> extends Omit<MessageEvent, 'data'> {
  readonly data: T;
}

/** What lay between `after` and `offset` is not coming; delivery goes on after `offset`. */
export type Gap = GapEvent;

/** Where the client stands. */
export type ClientState =
  /** Nothing was asked of it yet: the first `subscribe` or `publish` connects. */
  | { readonly type: 'idle' }
  | { readonly type: 'connecting' }
  | { readonly type: 'connected'; readonly transport: Transport; readonly node: string }
  /** Not connected, and will try again in `retryInMs`. `cause` is a stable code where a server gave one. */
  | { readonly type: 'waiting'; readonly retryInMs: number; readonly cause: string }
  /**
   * Not connected, and will not try again until `connect()`. `code` is a WebSocket close code (1000 after `close()`, or when the token's function
   * said `logged_out`), `reason` a stable code.
   */
  | { readonly type: 'closed'; readonly code: number; readonly reason: string };

/** Where a subscription stands. */
export type SubscriptionState =
  /** Waiting for a connection or for the node's answer; what is missed meanwhile comes later. */
  | { readonly type: 'pending' }
  /** Messages after `offset` follow; when not `recovered` a `gap` comes first. */
  | { readonly type: 'subscribed'; readonly offset: Offset; readonly recovered: boolean }
  /** Ended: `unsubscribed` by the application, `closed` or `logged_out` with the client, or by a server's code such as `forbidden_channel`. */
  | { readonly type: 'closed'; readonly code: string };

/** Undoes what returned it. Idempotent. */
export type Undo = () => void;

export interface SubscribeOptions {
  /** Where to begin: an offset, `-1` (start of history) or `now`. Default `now`. */
  readonly after?: After | undefined;
  /** Unsubscribes when it aborts. */
  readonly signal?: Signal | undefined;
  /** What an iterator does at a gap: `throw` an error with code `gap` and the gap in `gap` (the default), or `yield` the gap. */
  readonly gaps?: 'throw' | 'yield' | undefined;
}

/**
 * A channel's messages in order, each logged one once.
 *
 * Iterating it yields them from `subscribe` on: until there is a listener for messages, up to 1,000 wait for `next`. All its iterators take
 * from one queue. At a hole `next` rejects, with code `gap`, or `overflow` where a consumer fell 1,000 messages behind; another iterator goes on
 * after it. Leaving a loop (`break`, `return`, an exception in its body) ends the subscription. When the application ends it, what waits is
 * yielded, then the loop ends; when a server does, it then rejects with the server's code.
 */
export interface Subscription<T = unknown, Item = Message<T>> extends AsyncIterable<Item, undefined> {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Its position, or `-1` or `now` until one is known: pass it as `after` to go on from here another time. */
  readonly offset: After;
  on(type: 'message', listener: (message: Message<T>) => void): Undo;
  on(type: 'gap', listener: (gap: Gap) => void): Undo;
  on(type: 'state', listener: (state: SubscriptionState) => void): Undo;
  /** Ends it. Idempotent. */
  unsubscribe(): void;
}

export interface PublishOptions {
  /** Idempotency key, 1..128 printable ASCII characters. Default: a random one, so that retries are stored once. */
  readonly key?: string | undefined;
  /** Stops trying when it aborts; the promise rejects with code `aborted`, its reason is the cause. */
  readonly signal?: Signal | undefined;
}

export interface Client {
  readonly state: ClientState;
  /**
   * Subscribes to a channel; connects if need be. Several subscriptions to one channel share one subscription on the wire: a later one with
   * `now` joins at the channel's position, one that asks for more is given that from history first. Throws `TypeError` for bad arguments, and
   * {@link FanfareError} with code `closed` on a closed client, or `too_many_channels` for one more than the node allows.
   */
  subscribe<T = unknown>(
    channel: string,
    options: SubscribeOptions & { readonly gaps: 'yield' },
    listener?: (message: Message<T>) => void,
  ): Subscription<T, Message<T> | Gap>;
  subscribe<T = unknown>(
    channel: string,
    options?: SubscribeOptions,
    listener?: (message: Message<T>) => void,
  ): Subscription<T>;
  /**
   * Publishes; resolves once the message is stored. Repeats with the same key over reconnects, so it is stored once. What goes to one channel
   * is stored in the order of the calls. Rejects with a {@link FanfareError}: a server's code; `timeout`, `aborted` or `closed`, after which it
   * may or may not be stored; or `overflow` when 1,000 are waiting. It is tried for 30 s. Throws `TypeError` when `data` is no JSON value.
   */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<{ readonly offset: Offset }>;
  on(type: 'state', listener: (state: ClientState) => void): Undo;
  /** Failures that the client deals with itself (it retries), and refused subscriptions. For logs. */
  on(type: 'error', listener: (error: FanfareError) => void): Undo;
  /** Connects, before the first `subscribe` or `publish` does, or again after it was closed; subscriptions that ended stay ended. */
  connect(): void;
  /** Ends everything and releases timers and listeners. Idempotent. */
  close(): void;
}

/** An `AbortSignal`, where the project has that type; else what is used of one. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } } ? Known : SignalLike;
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The part of a WebSocket that the SDK uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** The part of `fetch` that the SDK uses. */
export type Fetch = (url: string, init: RequestLike) => Promise<ResponseLike>;
export interface RequestLike {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly signal: Signal;
}
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Where it is missing, as in React Native, streams are left to the other transports. */
  readonly body?: unknown;
  json(): Promise<unknown>;
}

/** Time, as the SDK uses it. Its functions are called on their own, not as methods. */
export interface Clock {
  /** Milliseconds since 1970: for what is stored. */
  readonly now: () => number;
  /** Milliseconds since some moment; never goes back, whatever is done to the system's clock: for durations. */
  readonly monotonic: () => number;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: never) => void;
}

/** Why a token is fetched. */
export interface TokenContext {
  /** For a node, to renew a ticket that ends, or because a server refused what came of the last one. */
  readonly reason: 'connect' | 'renew' | 'refused';
  /** Aborts when nobody waits for it any more: the client was closed, or it took longer than a minute. */
  readonly signal: Signal;
}
export type TokenSource = (context: TokenContext) => string | null | Promise<string | null>;

/** `undefined` is as good as absent. */
export interface ClientOptions {
  /** Base of discovery, `http(s)://host[:port]`. */
  readonly url: string;
  /**
   * The user's token, or a function that fetches one, called for each ticket. A function may fail: what rejects, is no JWT or is refused by a
   * server is asked for again in a while. With `null` it says that the user is logged out, which closes the client. Absent: anonymous.
   */
  readonly token?: string | TokenSource | undefined;
  /** Which transports to try, in order. Default: all of the entry, `websocket` first. */
  readonly transports?: readonly Transport[] | undefined;
  /** Default: the global one. Without any, the other transports serve. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Default: the global one. */
  readonly fetch?: Fetch | undefined;
  /** Pause between two short polls, in milliseconds, 10 to 3,600,000. Default 2,000. */
  readonly pollIntervalMs?: number | undefined;
  /** How long a long poll waits, in milliseconds, 1 to 60,000. Default 25,000. */
  readonly pollWaitMs?: number | undefined;
  /** 0 ≤ x < 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly clock?: Clock | undefined;
  /** Where it is remembered for half an hour that the first transport does not work here, and what does; `null`: nowhere. Default: `localStorage`, else `sessionStorage`. */
  readonly storage?: StorageLike | null | undefined;
}

/** The part of a `Storage` that the SDK uses. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}
