// The subscriber connection to one master of a Redis Cluster: sharded subscriptions, and which of them Redis dropped.

import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import { soon } from '../../lib/timers.js';
import type { SubscriberOptions } from './bus-subscription.js';
import { Canary } from './canary.js';
import { type ClusterAddress, closeClient, createShardClient } from './clients.js';
import { slotOf } from './cluster-slot.js';
import { takeMessages } from './push-reader.js';
import { tellStrays } from './stray-replies.js';
import { SubscribeRefusal } from './subscribe-refusal.js';

/** Chosen: how often a silent connection must prove that it lives; ioredis makes it anew when no answer comes. */
const PING_MS = 5_000;

export interface ShardListener {
  payload(busName: string, payload: Buffer): void;
  /** The connection stands, with nothing subscribed on it; or it hears again. */
  up(): void;
  /** It may not subscribe, until it is `up`: see `refusal`. */
  refused(): void;
  /** Its own canary may be subscribed now. */
  taken(shard: RedisShard): void;
  /** Every subscription on it is gone. */
  down(shard: RedisShard, reason: string): void;
  /** Redis has ended subscriptions of its own accord, as when their slot moves: see `standing`. */
  dropped(shard: RedisShard): void;
}

export interface ShardOptions extends Omit<SubscriberOptions, 'listener'> {
  readonly address: ClusterAddress;
  readonly listener: ShardListener;
  /** Whether this master has the slot now. */
  readonly owns: (slot: number) => boolean;
}

/** Chosen: names tried for one whose slot is this master's; it has one slot in a thousand or more, or goes without. */
const MAX_NAMES = 5_000;

interface Perch {
  readonly slot: number;
  readonly busName: string;
  /** Redis has confirmed it on the connection that stands. */
  stands: boolean;
}

export class RedisShard {
  readonly #client: Redis;
  readonly #listener: ShardListener;
  readonly #logger: Logger;
  readonly #ping: PeriodicTask;
  readonly #canary: Canary;
  readonly #refusal: SubscribeRefusal;
  /** The canary's own channel. */
  #perch: Perch | undefined;
  #check: NodeJS.Immediate | undefined;
  #stood = false;
  #closed = false;

  constructor(options: ShardOptions) {
    const { url, names, address, logger, listener } = options;
    this.#logger = logger;
    this.#listener = listener;
    this.#refusal = new SubscribeRefusal('ssubscribe', names, logger);
    this.#client = createShardClient(url, names.prefix, address);
    takeMessages(this.#client, 'smessage', options.readsPushes, (busName, payload) => {
      if (busName === this.#perch?.busName) this.#canary.heard();
      else listener.payload(busName, payload);
    });
    tellStrays(this.#client, logger);
    this.#canary = this.#createCanary(options);
    this.#canary.start();
    this.#client.on('ready', () => {
      this.#stood = true;
      this.#tell(() => listener.up());
    });
    this.#client.on('close', () => {
      if (this.#stood && !this.#closed) options.stats.subscriberDisconnects++;
      this.#stood = false;
      if (this.#perch !== undefined) this.#perch.stands = false;
      this.#canary.reset();
      this.#tell(() => listener.down(this, this.deaf ? 'it was deaf' : 'the connection is closed'));
    });
    this.#client.on('error', (error: Error) => {
      if (this.#client.status !== 'ready') this.#tell(() => listener.down(this, error.message));
    });
    this.#client.on('moved', () => this.#scheduleCheck());
    this.#ping = periodically(PING_MS, () => {
      if (this.ready) this.#client.ping().catch((error: Error) => logger.debug({ error }, 'no answer to a ping'));
    });
    this.#client.connect().catch(() => {
      // Told by the 'error' event, and tried again by ioredis.
    });
  }

  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  /** Why this master does not let its user subscribe; empty where it does. It is asked again and again: then it is `up`. */
  get refusal(): string {
    return this.#refusal.reason;
  }

  /** Connected, and yet nothing comes; also while it is made anew for that. */
  get deaf(): boolean {
    return this.#canary.deaf;
  }

  /** It stands, hears and may subscribe. */
  get stands(): boolean {
    return this.ready && !this.deaf && this.refusal === '';
  }

  /** Of one slot. Resolves when Redis has confirmed all of them; rejects with its error, as MOVED where the slot is another master's. */
  async subscribe(busNames: readonly string[]): Promise<void> {
    await this.#client.ssubscribe(...busNames);
  }

  /** What stood cannot be subscribed again: `error` may say that it may not be. */
  noteRefusal(error: unknown): void {
    if (this.#refusal.note(error)) this.#tell(() => this.#listener.refused());
  }

  /** What stood has been subscribed again. */
  endRefusal(): void {
    if (this.refusal === '') return;
    this.#refusal.end();
    this.#tell(() => this.#listener.up());
  }

  /** What did not stand cannot be subscribed: the canary tells whether anything can. */
  askAgain(): void {
    if (this.ready) this.#takePerch();
  }

  /** Nobody waits for it. */
  unsubscribe(busNames: readonly string[]): void {
    if (!this.ready) return;
    this.#client.sunsubscribe(...busNames).catch((error: Error) => {
      this.#logger.debug({ error }, 'an unsubscribe was not confirmed');
    });
  }

  /** The names that Redis has confirmed and not ended. */
  standing(): ReadonlySet<string> {
    const confirmed = this.#client.condition?.subscriber;
    return new Set(confirmed ? confirmed.channels('ssubscribe') : []);
  }

  /** Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ping.stop();
    this.#canary.stop();
    clearImmediate(this.#check);
    await closeClient(this.#client);
  }

  #createCanary({ names, stats, publish, listener, address, owns }: ShardOptions): Canary {
    return new Canary({
      stats,
      send: async () => {
        if (!this.ready) return false;
        if (this.#perch === undefined || !owns(this.#perch.slot)) {
          if (this.#perch?.stands) this.unsubscribe([this.#perch.busName]);
          this.#perch = findPerch(names.bus, owns);
        }
        const perch = this.refusal === '' ? this.#perch : undefined;
        if (perch?.stands) return publish(perch.busName, '').then(() => true);
        this.#takePerch();
        return false;
      },
      bytesRead: () => this.#client.stream?.bytesRead ?? 0,
      rebuild: () => {
        this.#logger.warn({ ...address }, 'a subscriber connection to the Redis Cluster is deaf: it is made anew');
        this.#client.stream.destroy();
      },
      recovered: () => this.#tell(() => listener.up()),
    });
  }

  #takePerch(): void {
    const perch = this.#perch;
    if (perch === undefined) return;
    this.subscribe([perch.busName]).then(
      () => {
        perch.stands = this.ready;
        if (this.refusal !== '') this.#tell(() => this.#listener.taken(this));
      },
      (error: Error) => {
        this.#logger.debug({ error }, 'the canary could not be subscribed');
        this.noteRefusal(error);
      },
    );
  }

  /** A slot that moves ends all its subscriptions in one go. */
  #scheduleCheck(): void {
    this.#check ??= soon(() => {
      this.#check = undefined;
      if (this.#perch?.stands) this.#perch.stands = this.standing().has(this.#perch.busName);
      this.#tell(() => this.#listener.dropped(this));
    });
  }

  #tell(event: () => void): void {
    if (!this.#closed) event();
  }
}

function findPerch(bus: string, owns: (slot: number) => boolean): Perch | undefined {
  const id = randomUUID();
  for (let n = 0; n < MAX_NAMES; n++) {
    const channel = `!canary:${id}:${n}`;
    const slot = slotOf(channel);
    if (owns(slot)) return { slot, busName: `${bus}:{${channel}}`, stands: false };
  }
  return undefined;
}
