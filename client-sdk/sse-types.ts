// The public types of the client that only reads.

import type {
  AnyChannels,
  Beginning,
  ClientOptions,
  ClientState,
  Disposal,
  FanfareError,
  Message,
  Subscription,
  Undo,
} from './types.js';

/** `WebSocket` and `storage` are not used: options that are good for other clients, as a testing server's, are good here. */
export type SseOptions = Pick<ClientOptions, 'url' | 'token' | 'fetch' | 'clock' | 'random' | 'WebSocket' | 'storage'>;

/** As a {@link Subscription}, without iteration. */
export type SseSubscription<T = unknown> = Pick<
  Subscription<T>,
  'channel' | 'state' | 'offset' | 'on' | 'unsubscribe'
> &
  Disposal;

/** The reading part of a client. */
export interface SseClient<Channels extends object = AnyChannels> extends Disposal {
  readonly state: ClientState;
  /**
   * Subscribes to a channel that this client is not subscribed to yet; connects if need be. Throws `TypeError` for what is no name or beginning,
   * {@link FanfareError} with code `closed` on a closed client, `already_subscribed`, or `too_many_channels` after 128.
   */
  subscribe<Name extends keyof Channels & string>(
    channel: Name,
    options?: Beginning,
    listener?: (message: Message<Channels[Name]>) => void,
  ): SseSubscription<Channels[Name]>;
  on(type: 'state', listener: (state: ClientState) => void): Undo;
  on(type: 'error', listener: (error: FanfareError) => void): Undo;
  /** Connects, also again after it was closed. */
  connect(): void;
  /** Ends everything. Idempotent. */
  close(): void;
}
