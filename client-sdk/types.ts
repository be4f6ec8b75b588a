// The SDK's public types.

import type { After, GapEvent, MessageEvent, Offset, Transport } from '../src/protocol/index.js';
import type { FanfareError } from './errors.js';
import type { Clock, Disposal, Fetch, Signal, StorageLike, WebSocketConstructor } from './hosts.js';

export type { After, GapEvent, GapReason, Json, Offset, Sender, Transport } from '../src/protocol/index.js';
export type { FanfareError } from './errors.js';
export type * from './hosts.js';

/** One message of a channel. `offset` is absent on live-only messages; `skipped` counts messages that were left out directly before it. */
export interface Message<T = unknown> extends Omit<MessageEvent, 'data'> {
  readonly data: T;
  /** When it was stored, in Unix milliseconds by Redis' clock; `undefined` on live-only messages. */
  readonly time: number | undefined;
  /** Whether this client published it; the same user in another tab is another client. */
  readonly isOwn: boolean;
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

/** A client that is connected, over whatever transport. */
export interface Connection {
  /** What `from.connection` of its own messages begins with, up to the dot. Stays over reconnects; another user's is another. */
  readonly id: string;
  /** The token's `sub`; `null` without a token. */
  readonly user: string | null;
  readonly node: string;
  readonly transport: Transport;
}

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

/** Where to begin: one of the two. */
export interface Beginning {
  /** An offset, `-1` (start of history) or `now`. */
  readonly after?: After | undefined;
  /** So many messages before the newest, 0 to 1,000; nothing counts as missing before them. */
  readonly last?: number | undefined;
}

/** Without a beginning `now`. */
export interface SubscribeOptions extends Beginning {
  /**
   * No more messages each second, 1 to 10,000: over it they wait, or give way to newer ones where the server's namespace conflates; then
   * `skipped` of a message says how many. All subscriptions of one channel have the same. Tabs that share a connection get everything.
   */
  readonly maxPerSecond?: number | undefined;
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
export interface Subscription<T = unknown, Item = Message<T>> extends AsyncIterable<Item>, Disposal {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Its position, or `-1` or `now` until one is known; where it is iterated, behind what the loop has. Pass it as `after` to go on from here another time. */
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

/** A part of what history holds. */
export interface History<T = unknown> {
  /** In order. */
  readonly messages: readonly Message<T>[];
  /** What is missing between `after` and the first of them. */
  readonly gap: Gap | undefined;
  /** Subscribe, or ask, `after` this to go on without a hole. */
  readonly offset: After;
  /** There is more after `offset`: one answer holds about 1 MiB. */
  readonly more: boolean;
}

/** Any name is good, and what its messages hold is unknown. */
export interface AnyChannels {
  readonly [name: string]: unknown;
}
/** Channels of which a call may say by itself what messages hold: any where there is no map. */
type Free<Channels> = string extends keyof Channels ? string : never;

/**
 * What a page needs, and no more. `Channels` says what the messages of its channels hold, by name or by pattern:
 * `` { news: Article; [chat: `chat:${string}`]: Line } ``. Other names and other data are then errors of the compiler.
 */
export interface Client<Channels extends object = AnyChannels> extends Disposal {
  readonly state: ClientState;
  /** Where and as whom it is connected, while it is. */
  readonly connection: Connection | undefined;
  /** Connects if need be; resolves when it is connected. Rejects with a {@link FanfareError} when the client is closed, or becomes it. */
  ready(): Promise<Connection>;
  /**
   * Subscribes to a channel; connects if need be. Several subscriptions to one channel share one subscription on the wire: a later one with
   * `now` joins at the channel's position, one that asks for more is given that from history first. Throws `TypeError` for bad arguments, and
   * {@link FanfareError} with code `closed` on a closed client, or `too_many_channels` for one more than the node allows.
   */
  subscribe<Name extends keyof Channels & string>(
    channel: Name,
    options: SubscribeOptions & { readonly gaps: 'yield' },
    listener?: (message: Message<Channels[Name]>) => void,
  ): Subscription<Channels[Name], Message<Channels[Name]> | Gap>;
  subscribe<Name extends keyof Channels & string>(
    channel: Name,
    options?: SubscribeOptions,
    listener?: (message: Message<Channels[Name]>) => void,
  ): Subscription<Channels[Name]>;
  subscribe<T>(
    channel: Free<Channels>,
    options: SubscribeOptions & { readonly gaps: 'yield' },
    listener?: (message: Message<T>) => void,
  ): Subscription<T, Message<T> | Gap>;
  subscribe<T>(
    channel: Free<Channels>,
    options?: SubscribeOptions,
    listener?: (message: Message<T>) => void,
  ): Subscription<T>;
  /**
   * Resolves with what history holds, from `after` on or the `last` so many; from its start on without a beginning. Connects if need be and asks
   * once: rejects with a {@link FanfareError}, a server's code such as `forbidden_channel` or `rate_limited`, `network`, `timeout` when there has been
   * no connection for 30 s, or why the client is closed. Throws `TypeError` for bad arguments.
   */
  history<Name extends keyof Channels & string>(channel: Name, beginning?: Beginning): Promise<History<Channels[Name]>>;
  history<T>(channel: Free<Channels>, beginning?: Beginning): Promise<History<T>>;
  /**
   * Publishes; resolves once the message is stored. Repeats with the same key over reconnects, so it is stored once. What goes to one channel
   * is stored in the order of the calls. Rejects with a {@link FanfareError}: a server's code; `timeout`, `aborted` or `closed`, after which it
   * may or may not be stored; or `overflow` when 1,000 are waiting. It is tried for 30 s. Throws `TypeError` when `data` is no JSON value.
   */
  publish<Name extends keyof Channels & string>(
    channel: Name,
    data: Channels[Name],
    options?: PublishOptions,
  ): Promise<{ readonly offset: Offset }>;
  on(type: 'state', listener: (state: ClientState) => void): Undo;
  /** Failures that the client deals with itself (it retries), and refused subscriptions. For logs. */
  on(type: 'error', listener: (error: FanfareError) => void): Undo;
  /** Connects, before the first `subscribe` or `publish` does, or again after it was closed; subscriptions that ended stay ended. */
  connect(): void;
  /** Ends everything and releases timers and listeners. Idempotent. */
  close(): void;
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
  /**
   * Told of each `state`, `error` and `event` (what a node sends), never of a token; `true` writes to the console. For a developer's eyes: what
   * is told may change.
   */
  readonly debug?: boolean | ((what: string, detail: unknown) => void) | undefined;
  /** 0 ≤ x < 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly clock?: Clock | undefined;
  /** Where it is remembered for half an hour that the first transport does not work here, and what does; `null`: nowhere. Default: `localStorage`, else `sessionStorage`. */
  readonly storage?: StorageLike | null | undefined;
}
