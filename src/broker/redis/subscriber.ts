// Keeps a set of channels subscribed at Redis, through reconnections, and hands on what arrives for them.

import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import { after, soon } from '../../lib/timers.js';
import {
  findByName,
  handOn,
  namesOf,
  type Subscriber,
  type SubscriberListener,
  type SubscriberOptions,
  Subscription,
  unsubscribedError,
} from './bus-subscription.js';
import { type BusStats, Canary } from './canary.js';
import { closeClient, createSubscriberClient } from './clients.js';
import { toFanfareError, unavailableError } from './errors.js';
import { takeMessages } from './push-reader.js';
import { lackingRight } from './rights.js';
import { tellStrays } from './stray-replies.js';
import { SubscribeRefusal } from './subscribe-refusal.js';

/** Chosen: channels of one SUBSCRIBE, so that confirmations of the first do not wait for the last. */
const BATCH = 500;
/** Chosen: how often a silent connection must prove that it lives; ioredis makes it anew when no answer comes. */
const PING_MS = 5_000;

export class RedisSubscriber implements Subscriber {
  readonly #client: Redis;
  readonly #options: SubscriberOptions;
  readonly #logger: Logger;
  readonly #listener: SubscriberListener;
  readonly #canary: Canary;
  readonly #canaryName: string;
  readonly #stats: BusStats;
  readonly #refusal: SubscribeRefusal;
  #stood = false;
  #canaryStands = false;
  /** By the channel's name on the bus. */
  readonly #subscriptions = new Map<string, Subscription>();
  #queue: Subscription[] = [];
  #unsubscribes: string[] = [];
  #flush: NodeJS.Immediate | undefined;
  #ping: PeriodicTask | undefined;
  #giveUpStart = () => {};
  #closed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#listener = options.listener;
    this.#stats = options.stats;
    this.#refusal = new SubscribeRefusal('subscribe', options.names, options.logger);
    this.#client = createSubscriberClient(options.url, options.names.prefix);
    this.#canaryName = this.#busName(`!canary:${randomUUID()}`);
    this.#canary = this.#createCanary(options);
    takeMessages(this.#client, 'message', options.readsPushes, (busName, payload) => this.#take(busName, payload));
    tellStrays(this.#client, options.logger);
    this.#client.on('ready', () => {
      this.#stood = true;
      this.#subscribeCanary();
      void this.#resubscribe();
    });
    this.#client.on('close', () => this.#lost());
    this.#client.on('error', (error: Error) => {
      if (this.#client.status !== 'ready') this.#tell(false, `subscriptions: ${error.message}`);
    });
  }

  /** Connects, waiting a while for Redis, and checks that the user may subscribe. Rejects with `broker_unavailable`. */
  async start(startTimeoutMs: number): Promise<void> {
    const probe = this.#busName('!probe');
    try {
      await this.#connect(startTimeoutMs);
      await this.#client.subscribe(probe);
      await this.#client.unsubscribe(probe);
    } catch (error) {
      throw lackingRight(error, 'subscribe', this.#options.names) ?? toFanfareError(error, 'read');
    }
    if (this.#closed) throw unavailableError('the broker is closed');
    this.#canary.start();
    this.#ping?.stop();
    this.#ping = periodically(PING_MS, () => {
      this.#client.ping().catch((error: Error) => this.#logger.debug({ error }, 'no answer to a ping'));
    });
  }

  subscribe(channel: string): Promise<void> {
    const busName = this.#busName(channel);
    if (this.#closed || this.#client.status !== 'ready') {
      return Promise.reject(unavailableError('the subscriber connection to Redis is down'));
    }
    const known = this.#subscriptions.get(busName);
    if (known !== undefined && known.state !== 'lost') return known.confirmed;
    const subscription = new Subscription(channel, busName, this.#options.hasLive(channel));
    this.#subscriptions.set(busName, subscription);
    this.#queue.push(subscription);
    this.#scheduleFlush();
    return subscription.confirmed;
  }

  unsubscribe(channel: string): void {
    const busName = this.#busName(channel);
    const subscription = this.#subscriptions.get(busName);
    if (subscription === undefined) return;
    this.#subscriptions.delete(busName);
    subscription.reject(unsubscribedError());
    if (subscription.state !== 'sent' && subscription.state !== 'live') return;
    this.#unsubscribes.push(...namesOf(subscription));
    this.#scheduleFlush();
  }

  /** Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#canary.stop();
    this.#ping?.stop();
    clearImmediate(this.#flush);
    this.#giveUpStart();
    for (const subscription of this.#subscriptions.values()) {
      subscription.reject(unavailableError('the broker is closed'));
    }
    this.#subscriptions.clear();
    this.#queue = [];
    this.#unsubscribes = [];
    await closeClient(this.#client);
  }

  #take(busName: string, payload: Buffer): void {
    const { of: subscription, live } = findByName(this.#subscriptions, busName);
    if (subscription !== undefined) handOn(this.#options, subscription, payload, live);
    else if (busName === this.#canaryName) this.#canary.heard();
  }

  async #connect(timeoutMs: number): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#giveUpStart = () => reject(unavailableError('the subscriber connection to Redis cannot be made'));
      this.#client.once('ready', resolve);
    });
    this.#client.connect().catch((error: Error) => this.#logger.debug({ error }, 'the first attempt failed'));
    const timeout = after(timeoutMs, () => this.#giveUpStart());
    try {
      await ready;
    } finally {
      clearTimeout(timeout);
    }
  }

  #createCanary({ stats, publish, logger }: SubscriberOptions): Canary {
    return new Canary({
      stats,
      send: async () => {
        if (this.#canaryStands && this.#refusal.reason === '') return publish(this.#canaryName, '').then(() => true);
        if (this.#client.status === 'ready') this.#subscribeCanary();
        return false;
      },
      bytesRead: () => this.#client.stream.bytesRead,
      rebuild: () => {
        logger.warn({}, 'the subscriber connection to Redis is deaf: it is made anew');
        this.#tell(false, '');
        this.#client.stream.destroy();
      },
      recovered: () => this.#tell(this.#client.status === 'ready', 'the subscriber connection to Redis is down'),
    });
  }

  #subscribeCanary(): void {
    this.#client.subscribe(this.#canaryName).then(
      () => {
        this.#canaryStands = true;
        if (this.#refusal.reason !== '') void this.#resubscribe();
      },
      (error: Error) => {
        if (this.#refusal.note(error)) this.#tell(false, '');
        else this.#logger.debug({ error }, 'the canary could not be subscribed');
      },
    );
  }

  /** Whoever is deaf, or may not subscribe, is not ready, connected or not. */
  #tell(connected: boolean, detail: string): void {
    const { deaf } = this.#canary;
    const { reason } = this.#refusal;
    const ready = connected && !deaf && reason === '';
    const why = reason !== '' ? reason : deaf ? 'the subscriber connection to Redis is deaf' : detail;
    this.#listener.changed(ready, ready ? '' : why);
  }

  #busName(channel: string): string {
    return `${this.#options.names.bus}:{${channel}}`;
  }

  /** All that is asked for in one turn of the event loop goes out together. */
  #scheduleFlush(): void {
    this.#flush ??= soon(() => {
      this.#flush = undefined;
      this.#sendUnsubscribes();
      this.#sendSubscribes();
    });
  }

  /** First what is no longer wanted: a channel that is wanted again stands in both lists. */
  #sendUnsubscribes(): void {
    const names = this.#unsubscribes;
    this.#unsubscribes = [];
    if (this.#client.status !== 'ready') return;
    for (let i = 0; i < names.length; i += BATCH) {
      this.#client.unsubscribe(...names.slice(i, i + BATCH)).catch((error: Error) => {
        this.#logger.debug({ error }, 'an unsubscribe was not confirmed');
      });
    }
  }

  #sendSubscribes(): void {
    const wanted = this.#queue.filter((subscription) => this.#isCurrent(subscription));
    this.#queue = [];
    for (let i = 0; i < wanted.length; i += BATCH) {
      const batch = wanted.slice(i, i + BATCH);
      this.#send(batch).then(
        () => {
          for (const subscription of batch) this.#confirm(subscription);
        },
        (error: unknown) => {
          this.#giveUp(batch, toFanfareError(error, 'read'));
          // The canary tells whether it is these alone that are refused.
          if (lackingRight(error, 'subscribe', this.#options.names) !== undefined) this.#subscribeCanary();
        },
      );
    }
  }

  async #send(batch: readonly Subscription[]): Promise<void> {
    for (const subscription of batch) subscription.state = 'sent';
    await this.#client.subscribe(...batch.flatMap(namesOf));
  }

  #confirm(subscription: Subscription): void {
    if (!this.#isCurrent(subscription) || subscription.state !== 'sent') return;
    subscription.state = 'live';
    subscription.resolve();
  }

  #giveUp(batch: readonly Subscription[], error: FanfareError): void {
    for (const subscription of batch) {
      if (!this.#isCurrent(subscription)) continue;
      this.#subscriptions.delete(subscription.busName);
      subscription.reject(error);
      // Redis may have heard it and answered too late.
      if (this.#client.status === 'ready') this.#unsubscribes.push(...namesOf(subscription));
    }
    if (this.#unsubscribes.length > 0) this.#scheduleFlush();
  }

  #lost(): void {
    if (this.#stood && !this.#closed) this.#stats.subscriberDisconnects++;
    this.#stood = false;
    for (const subscription of this.#subscriptions.values()) {
      // What is under way is given up when its command is rejected.
      if (subscription.state === 'live') subscription.state = 'lost';
    }
    this.#canaryStands = false;
    this.#canary.reset();
    this.#tell(false, 'the subscriber connection to Redis is down');
  }

  async #resubscribe(): Promise<void> {
    this.#tell(true, '');
    const lost = [...this.#subscriptions.values()].filter(({ state }) => state === 'lost');
    for (let i = 0; i < lost.length; i += BATCH) {
      const batch = lost.slice(i, i + BATCH).filter((subscription) => this.#isCurrent(subscription));
      if (batch.length === 0) continue;
      try {
        await this.#send(batch);
      } catch (error) {
        for (const subscription of batch) if (subscription.state === 'sent') subscription.state = 'lost';
        // It is tried again with the canary.
        if (this.#refusal.note(error)) return this.#tell(false, '');
        this.#logger.warn({ error, channels: batch.length }, 'channels could not be subscribed again');
        // Another connection, another try: the channels that are left are still marked as lost.
        if (!this.#closed && this.#client.status === 'ready') this.#client.disconnect(true);
        return;
      }
      for (const subscription of batch) this.#confirm(subscription);
      const standing = batch.filter((subscription) => this.#isCurrent(subscription));
      if (!this.#closed) this.#listener.resubscribed(standing.map(({ channel }) => channel));
    }
    if (this.#refusal.reason === '' || !this.#canaryStands) return;
    this.#refusal.end();
    this.#tell(true, '');
  }

  #isCurrent(subscription: Subscription): boolean {
    return this.#subscriptions.get(subscription.busName) === subscription;
  }
}
