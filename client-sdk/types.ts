// The SDK's public types.

import type { After, GapEvent, MessageEvent, Offset, Transport } from '../src/protocol/index.js';

export type { After, GapEvent, GapReason, Json, Offset, Sender, Transport } from '../src/protocol/index.js';

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
  /** Not connected, and will not try again. `code` is a WebSocket close code (1000 after `close()`), `reason` a stable code where a server gave one. */
  | { readonly type: 'closed'; readonly code: number; readonly reason: string };

/** Where a subscription stands. */
export type SubscriptionState =
  /** Waiting for a connection or for the node's answer; what is missed meanwhile comes later. */
  | { readonly type: 'pending' }
  /** Messages after `offset` follow; when not `recovered` a `gap` comes first. */
  | { readonly type: 'subscribed'; readonly offset: Offset; readonly recovered: boolean }
  /** Ended: `unsubscribed` by the application, `closed` with the client, or by a server's code such as `forbidden_channel`. */
  | { readonly type: 'closed'; readonly code: string };

/** What goes wrong, with a stable code: a server's, or `network`, `timeout`, `aborted`, `closed`, `overflow`. */
export interface ClientError extends Error {
  readonly code: string;
  readonly retryAfterMs?: number;
  /** The channel that the error is about. */
  readonly channel?: string;
}

/** Undoes what returned it. Idempotent. */
export type Undo = () => void;

export interface SubscribeOptions {
  /** Where to begin: an offset, `-1` (start of history) or `now`. Default `now`. */
  readonly after?: After;
  /** Unsubscribes when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * A channel's messages in order, each logged one once. Iterating it yields the messages that arrive from then on and
 * ends with the subscription; a consumer that falls 1,000 messages behind gets an error with code `overflow`.
 */
export interface Subscription<T = unknown> extends AsyncIterable<Message<T>> {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** The position, or `-1` or `now` until one is known: pass it as `after` to go on from here another time. */
  readonly offset: After;
  on(type: 'message', listener: (message: Message<T>) => void): Undo;
  on(type: 'gap', listener: (gap: Gap) => void): Undo;
  on(type: 'state', listener: (state: SubscriptionState) => void): Undo;
  /** Ends it. Idempotent. */
  unsubscribe(): void;
}

export interface PublishOptions {
  /** Idempotency key, 1..128 printable ASCII characters. Default: a random one, so that retries are stored once. */
  readonly key?: string;
  /** Stops trying when it aborts; the promise rejects with code `aborted`. */
  readonly signal?: AbortSignal;
}

export interface Client {
  readonly state: ClientState;
  /**
   * Subscribes to a channel; connects if need be. Several subscriptions to one channel share one subscription on the
   * wire: a later one joins at the channel's position, and throws `TypeError` when its `after` asks for another.
   */
  subscribe<T = unknown>(
    channel: string,
    options?: SubscribeOptions,
    listener?: (message: Message<T>) => void,
  ): Subscription<T>;
  /**
   * Publishes; resolves once the message is stored. Repeats with the same key over reconnects, so it is stored once.
   * Rejects with a {@link ClientError}: a server's code; `timeout`, `aborted` or `closed`, after which it may or may not
   * be stored; or `overflow` when 1,000 are waiting. It is tried for 30 s. Throws `TypeError` when `data` is no JSON value.
   */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<{ readonly offset: Offset }>;
  on(type: 'state', listener: (state: ClientState) => void): Undo;
  /** Failures that the client deals with itself (it retries), and refused subscriptions. For logs. */
  on(type: 'error', listener: (error: ClientError) => void): Undo;
  /** Ends everything and releases timers and listeners. Idempotent. */
  close(): void;
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

/** Time, as the SDK uses it. Its functions are called on their own, not as methods. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: never) => void;
}

export interface ClientOptions {
  /** Base of discovery, `http(s)://host[:port]`. */
  readonly url: string;
  /** The user's token, or a function that fetches one, called for each ticket. Absent: anonymous. */
  readonly token?: string | (() => string | Promise<string>);
  /** Which transports to try, in order. Default: all of the entry, `websocket` first. */
  readonly transports?: readonly Transport[];
  /** Default: the global one. Without any, the other transports serve. */
  readonly WebSocket?: WebSocketConstructor;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Pause between two short polls, in milliseconds. Default 2,000. */
  readonly pollIntervalMs?: number;
  /** How long a long poll waits, in milliseconds, at most 60,000. Default 25,000. */
  readonly pollWaitMs?: number;
  /** 0 ≤ x < 1. Default `Math.random`. */
  readonly random?: () => number;
  readonly clock?: Clock;
  /** Where the transport that worked is remembered. Default: `sessionStorage`, where there is one. */
  readonly storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}
