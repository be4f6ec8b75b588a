// Keeps a set of channels subscribed on a Redis Cluster: each at the master of its slot, wherever that goes.

import type { Cluster } from 'ioredis';
import { after, contained, soon } from '../../lib/timers.js';
import {
  findByName,
  handOn,
  namesOf,
  type Subscriber,
  type SubscriberListener,
  type SubscriberOptions,
  unsubscribedError,
} from './bus-subscription.js';
import { slotOf } from './cluster-slot.js';
import { replyCode, toFanfareError, UnfitRedisError, unavailableError } from './errors.js';
import { lackingRight } from './rights.js';
import { RedisShard } from './shard.js';
import { Sharded } from './sharded-subscription.js';

/** Chosen: pause before lost channels are tried again, with a fresh map of the slots. */
const RETRY_MS = 250;
/** Chosen: tries of a first subscription whose slot is moving; then whoever asked is told. */
const MAX_TRIES = 8;
/** The slot is on its way to another master, or without one: another try may find it. */
const MOVING = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN']);

export interface ClusterSubscriberOptions extends SubscriberOptions {
  /** The commands' client: whose map of the slots is used. */
  readonly cluster: Cluster;
}

export class ClusterSubscriber implements Subscriber {
  readonly #options: ClusterSubscriberOptions;
  readonly #cluster: Cluster;
  readonly #listener: SubscriberListener;
  /** By the channel's name on the bus. */
  readonly #subscriptions = new Map<string, Sharded>();
  /** By the master's host:port. */
  readonly #shards = new Map<string, RedisShard>();
  readonly #onRefresh = () => this.#align();
  #queue: Sharded[] = [];
  #unsubscribes: Sharded[] = [];
  #again: string[] = [];
  #flush: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #wake = () => {};
  #reason = '';
  #closed = false;

  constructor(options: ClusterSubscriberOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
    this.#listener = options.listener;
  }

  async start(startTimeoutMs: number): Promise<void> {
    this.#cluster.on('refresh', this.#onRefresh);
    this.#align();
    await this.#allUp(startTimeoutMs);
    const probe = `${this.#options.names.bus}:{!probe}`;
    try {
      const shard = this.#shardOf(slotOf('!probe'));
      await shard?.subscribe([probe]);
      shard?.unsubscribe([probe]);
    } catch (error) {
      throw lackingRight(error, 'ssubscribe', this.#options.names) ?? toFanfareError(error, 'read');
    }
    if (this.#closed) throw unavailableError('the broker is closed');
  }

  subscribe(channel: string): Promise<void> {
    const slot = slotOf(channel);
    const busName = this.#busName(channel);
    const known = this.#subscriptions.get(busName);
    if (!this.#closed && known !== undefined && !(known.state === 'lost' && known.stood)) return known.confirmed;
    if (this.#closed || this.#shardOf(slot)?.ready !== true) {
      return Promise.reject(unavailableError('the subscriber connection to the Redis Cluster is down'));
    }
    const subscription = new Sharded(channel, busName, this.#options.hasLive(channel), slot);
    this.#subscriptions.set(busName, subscription);
    this.#queue.push(subscription);
    this.#scheduleFlush();
    return subscription.confirmed;
  }

  unsubscribe(channel: string): void {
    const subscription = this.#subscriptions.get(this.#busName(channel));
    if (subscription === undefined) return;
    this.#subscriptions.delete(subscription.busName);
    subscription.reject(unsubscribedError());
    if (subscription.state !== 'sent' && subscription.state !== 'live') return;
    this.#unsubscribes.push(subscription);
    this.#scheduleFlush();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cluster.off('refresh', this.#onRefresh);
    clearTimeout(this.#retry);
    clearImmediate(this.#flush);
    this.#wake();
    for (const subscription of this.#subscriptions.values())
      subscription.reject(unavailableError('the broker is closed'));
    this.#subscriptions.clear();
    this.#queue = [];
    this.#unsubscribes = [];
    this.#again = [];
    await Promise.all([...this.#shards.values()].map((shard) => shard.close()));
    this.#shards.clear();
  }

  async #allUp(timeoutMs: number): Promise<void> {
    let late = false;
    const timeout = after(timeoutMs, () => {
      late = true;
      this.#wake();
    });
    while (!late && !this.#closed && !this.#stands() && this.#refusal() === '') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timeout);
    if (this.#refusal() !== '') throw new UnfitRedisError(this.#refusal());
    if (late) throw unavailableError(`the subscriber connections to the Redis Cluster cannot be made: ${this.#reason}`);
  }

  /** Whether every master has its connection, and it hears. */
  #stands(): boolean {
    return this.#shards.size > 0 && [...this.#shards.values()].every(({ stands }) => stands);
  }

  #busName(channel: string): string {
    return `${this.#options.names.bus}:{${channel}}`;
  }

  #shardOf(slot: number): RedisShard | undefined {
    const master = this.#cluster.slots[slot]?.[0];
    return master === undefined ? undefined : this.#shards.get(master);
  }

  /** One connection to each master, and every channel at the master of its slot. */
  #align(): void {
    if (this.#closed) return;
    const masters = new Set(this.#cluster.slots.map((servers) => servers?.[0]).filter((key) => key !== undefined));
    for (const key of masters) if (!this.#shards.has(key)) this.#shards.set(key, this.#open(key));
    for (const [key, shard] of this.#shards) {
      if (masters.has(key)) continue;
      this.#shards.delete(key);
      void shard.close();
    }
    for (const subscription of this.#subscriptions.values()) {
      const { shard, state, slot } = subscription;
      if (state !== 'live' || shard === undefined || shard === this.#shardOf(slot)) continue;
      shard.unsubscribe(namesOf(subscription));
      this.#lose(subscription);
    }
    this.#sendLost();
    this.#tell();
  }

  #open(key: string): RedisShard {
    const colon = key.lastIndexOf(':');
    const address = { host: key.slice(0, colon), port: Number(key.slice(colon + 1)) };
    const owns = (slot: number) => this.#cluster.slots[slot]?.[0] === key;
    return new RedisShard({ ...this.#options, address, owns, listener: this.#shardListener });
  }

  readonly #shardListener = {
    payload: (busName: string, payload: Buffer) => {
      const { of: subscription, live } = findByName(this.#subscriptions, busName);
      if (subscription !== undefined) handOn(this.#options, subscription, payload, live);
    },
    up: () => {
      this.#sendLost();
      this.#tell();
    },
    refused: () => this.#tell(),
    taken: (shard: RedisShard) => {
      // One of those that are lost shows whether channels may be, too.
      const lost = this.#lost().find(({ slot }) => this.#shardOf(slot) === shard);
      if (lost === undefined) shard.endRefusal();
      else this.#send(lost);
    },
    down: (shard: RedisShard, reason: string) => {
      this.#reason = reason;
      this.#loseAll(shard, () => true);
    },
    dropped: (shard: RedisShard) => {
      const standing = shard.standing();
      this.#loseAll(shard, (subscription) => namesOf(subscription).some((name) => !standing.has(name)));
    },
  };

  #loseAll(shard: RedisShard, isLost: (subscription: Sharded) => boolean): void {
    for (const subscription of this.#subscriptions.values()) {
      // What is under way is given up when its command is rejected.
      const stood = subscription.shard === shard && subscription.state === 'live';
      if (stood && isLost(subscription)) this.#lose(subscription);
    }
    this.#tell();
    this.#scheduleRetry();
  }

  #lost(): Sharded[] {
    return [...this.#subscriptions.values()].filter(({ state }) => state === 'lost');
  }

  #lose(subscription: Sharded): void {
    subscription.state = 'lost';
    subscription.stood = true;
  }

  /** All that is asked for in one turn of the event loop goes out together; first what is no longer wanted. */
  #scheduleFlush(): void {
    this.#flush ??= soon(() => {
      this.#flush = undefined;
      for (const gone of this.#unsubscribes.splice(0)) gone.shard?.unsubscribe(namesOf(gone));
      for (const subscription of this.#queue.splice(0)) if (this.#isCurrent(subscription)) this.#send(subscription);
      const again = this.#again.splice(0);
      if (again.length > 0) this.#listener.resubscribed(again);
    });
  }

  #send(subscription: Sharded): void {
    const shard = this.#shardOf(subscription.slot);
    if (shard?.ready !== true) return this.#failed(subscription, unavailableError('the master of the slot is away'));
    subscription.shard = shard;
    subscription.state = 'sent';
    shard.subscribe(namesOf(subscription)).then(
      () => this.#confirm(subscription),
      (error: unknown) => this.#failed(subscription, error),
    );
  }

  #sendLost(): void {
    const isOpen = (shard: RedisShard | undefined) => shard?.ready === true && shard.refusal === '';
    for (const lost of this.#lost()) if (isOpen(this.#shardOf(lost.slot))) this.#send(lost);
  }

  #confirm(subscription: Sharded): void {
    if (!this.#isCurrent(subscription) || subscription.state !== 'sent') return;
    subscription.state = 'live';
    subscription.tries = 0;
    subscription.resolve();
    if (!subscription.stood) return;
    subscription.shard?.endRefusal();
    this.#again.push(subscription.channel);
    this.#scheduleFlush();
  }

  #failed(subscription: Sharded, error: unknown): void {
    if (!this.#isCurrent(subscription)) return;
    subscription.tries++;
    const moving = MOVING.has(replyCode(error) ?? '');
    if (subscription.stood) subscription.shard?.noteRefusal(error);
    if (subscription.stood || (moving && subscription.tries < MAX_TRIES)) {
      subscription.state = 'lost';
      this.#scheduleRetry();
      return;
    }
    this.#subscriptions.delete(subscription.busName);
    subscription.reject(toFanfareError(error, 'read'));
    if (lackingRight(error, 'ssubscribe', this.#options.names) !== undefined) subscription.shard?.askAgain();
    // Redis may have heard it and answered too late.
    subscription.shard?.unsubscribe(namesOf(subscription));
  }

  /** Asks for the map of the slots, which aligns, until nothing is lost and every master has its connection. */
  #scheduleRetry(): void {
    if (this.#closed) return;
    this.#retry ??= after(RETRY_MS, () => this.#cluster.refreshSlotsCache(() => contained(() => this.#refreshed())));
  }

  #refreshed(): void {
    this.#retry = undefined;
    if (this.#closed) return;
    // A master that refuses is asked by its canary, and no other map of the slots helps there.
    const isAway = ({ stands, refusal }: RedisShard) => !stands && refusal === '';
    const isLost = this.#lost().some(({ slot }) => !this.#shardOf(slot)?.refusal);
    if (isLost || this.#shards.size === 0 || [...this.#shards.values()].some(isAway)) this.#scheduleRetry();
  }

  #tell(): void {
    const ready = this.#stands();
    this.#wake();
    const why = this.#refusal() || `a subscriber connection to the Redis Cluster is down: ${this.#reason}`;
    this.#listener.changed(ready, ready ? '' : why);
  }

  /** Which right a master denies its user; empty where none does. */
  #refusal(): string {
    return [...this.#shards.values()].find(({ refusal }) => refusal !== '')?.refusal ?? '';
  }

  #isCurrent(subscription: Sharded): boolean {
    return this.#subscriptions.get(subscription.busName) === subscription;
  }
}
