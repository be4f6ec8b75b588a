// One channel that is wanted at Redis, and how far its subscription has come.

import { calm } from '../../lib/calm.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { BusStats } from './canary.js';
import type { RedisNames } from './names.js';
import type { RedisUrl } from './url.js';

/** `queued`: goes out with the next batch. `sent`: Redis has not confirmed yet. `lost`: stood until the connection broke. */
type State = 'queued' | 'sent' | 'live' | 'lost';

/** What whoever asked waits for. */
interface Pending {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const CONFIRMED: Promise<void> = Promise.resolve();

/** Once it has been confirmed it keeps nothing of those who waited for that: a node has tens of thousands. */
export class Subscription {
  readonly channel: string;
  /** Where logged messages come. */
  readonly busName: string;
  /** Whether live-only messages come beside it, under {@link liveName}. */
  readonly hasLive: boolean;
  state: State = 'queued';
  #pending: Pending | undefined = newPending();

  constructor(channel: string, busName: string, hasLive: boolean) {
    this.channel = channel;
    this.busName = busName;
    this.hasLive = hasLive;
  }

  /** Shared by all who ask while it is under way. */
  get confirmed(): Promise<void> {
    return this.#pending?.promise ?? CONFIRMED;
  }

  /** Redis has confirmed it. */
  resolve(): void {
    this.#pending?.resolve();
    this.#pending = undefined;
  }

  /** It never comes, where it has not been confirmed before. */
  reject(error: unknown): void {
    this.#pending?.reject(error);
  }
}

function newPending(): Pending {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever asked has the promise; when nobody looks at it any more, its rejection is no news.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

export interface SubscriberListener {
  /** `live`: came where only live-only messages may come. */
  payload(channel: string, payload: Buffer, live: boolean): void;
  resubscribed(channels: readonly string[]): void;
  /** The connection came or went. */
  changed(ready: boolean, detail: string): void;
}

/** What every subscriber is made with. */
export interface SubscriberOptions {
  readonly url: RedisUrl;
  readonly names: RedisNames;
  readonly logger: Logger;
  readonly listener: SubscriberListener;
  /** Counted on by the subscriber. */
  readonly stats: BusStats;
  /** Whether a channel has live-only messages of its own. */
  readonly hasLive: (channel: string) => boolean;
  /** Publishes through the commands' connection; rejects while that is away. */
  readonly publish: (busName: string, payload: string) => Promise<unknown>;
  /** False: messages are read by ioredis, as everything else. */
  readonly readsPushes?: boolean | undefined;
}

/** Keeps a set of channels subscribed, whatever happens to the connections. */
export interface Subscriber {
  /** Connects, waiting a while for Redis, and checks that the user may subscribe. Rejects with `broker_unavailable`. */
  start(startTimeoutMs: number): Promise<void>;
  /** As `Broker.subscribe`. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
  /** Idempotent; resolves when the sockets are gone. */
  close(): Promise<void>;
}

const LIVE = ':live';

/** No name of {@link Subscription.busName} ends like this: each ends with a brace. */
export function liveName(busName: string): string {
  return busName + LIVE;
}

/** Everything that Redis is asked for. */
export function namesOf({ busName, hasLive }: Subscription): readonly string[] {
  return hasLive ? [busName, liveName(busName)] : [busName];
}

/** The subscription that a name on the bus is of, and whether it is the one of live-only messages. */
export function findByName<T>(
  subscriptions: ReadonlyMap<string, T>,
  name: string,
): { of: T | undefined; live: boolean } {
  const live = name.endsWith(LIVE);
  return { of: subscriptions.get(live ? name.slice(0, -LIVE.length) : name), live };
}

/** What the listener throws is told: thrown into the reader of the socket it would end the process. */
export function handOn(
  { listener, logger }: Pick<SubscriberOptions, 'listener' | 'logger'>,
  { channel }: Subscription,
  payload: Buffer,
  live: boolean,
): void {
  try {
    listener.payload(channel, payload, live);
  } catch (error) {
    calm(logger).error({ error, channel }, 'a message from the bus could not be handed on');
  }
}

export function unsubscribedError(): FanfareError {
  return new FanfareError('broker_unavailable', 'the channel was unsubscribed before Redis confirmed it');
}
