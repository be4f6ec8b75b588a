// The broker of a single process: the same promises as Redis, kept in memory, gone with the process.

import { createHash, randomBytes } from 'node:crypto';
import type { Namespaces } from '../../config/namespaces.js';
import { steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { atOnce, every } from '../../lib/timers.js';
import { type Begin, LIMITS, type Offset, START } from '../../protocol/index.js';
import type {
  BatchPublisher,
  Broker,
  BrokerListener,
  BrokerMessage,
  BrokerStatus,
  HistoryPage,
  PageLimit,
  Publication,
  PublishOutcome,
  Stored,
} from '../broker.js';
import type { ErasingBroker, Erasure, HistoryEraser } from '../eraser.js';
import { NOTHING_YET } from '../history-page.js';
import { normalise } from '../payload.js';
import { checkAfter, checkChannel, checkKey, checkSize } from '../publication.js';
import { publishEach } from '../publish-each.js';
import { ChannelStore } from './channel-store.js';
import { MemoryEraser } from './eraser.js';

/** Specified: how long an idempotency key is kept. */
const KEY_LIFE_MS = 10 * 60_000;
/** Chosen: how often what nobody uses is dropped. */
const SWEEP_MS = 60_000;
/** Chosen: only another configuration mends it. */
const NOT_SOON = { retryAfterMs: 60_000 };

export interface MemoryBrokerOptions {
  readonly namespaces: Namespaces;
  /** Unix milliseconds that do not go back; default `steadyUnixMs`. */
  readonly clock?: () => number;
  /** Bytes of one message's data; default 64 KiB. */
  readonly maxMessageBytes?: number;
  /** Memory that all histories may take; beyond it the channels used longest ago lose theirs. Default 256 MiB. */
  readonly maxHistoryBytes?: number;
  /** Channels subscribed to at the same time; beyond it `subscribe` rejects with `storage_full`. Default 200,000. */
  readonly maxSubscribed?: number;
  /**
   * Channels remembered that nobody is subscribed to; beyond it the least recently used is dropped. Those that were only read
   * are counted by themselves, so that reading drops no history. Default 100,000.
   */
  readonly maxChannels?: number;
  /** Idempotency keys remembered; beyond it the oldest are dropped. Default 100,000. */
  readonly maxKeys?: number;
}

/**
 * A broker in memory. Messages reach the listener in the order of the publishes, all of one tick together, in a
 * microtask: after `publish` has been called and before its promise's continuation runs. Each broker makes ids of its
 * own kind, so that an offset from before a restart is answered with a `lost` or `rewritten` gap.
 */
export function createMemoryBroker(options: MemoryBrokerOptions): Broker & BatchPublisher & ErasingBroker {
  return new MemoryBroker({
    clock: steadyUnixMs,
    maxMessageBytes: LIMITS.maxMessageBytes,
    maxHistoryBytes: 256 * 1024 * 1024,
    maxSubscribed: 200_000,
    maxChannels: 100_000,
    maxKeys: 100_000,
    ...options,
  });
}

interface UsedKey {
  readonly offset: Offset;
  readonly hash: string;
  readonly expiresAtMs: number;
}

/** A message, or where a history that was deleted begins anew. */
type Delivery =
  | { readonly channel: string; readonly message: BrokerMessage }
  | { readonly channel: string; readonly begin: Offset };

class MemoryBroker implements Broker, BatchPublisher, ErasingBroker {
  readonly eraser: HistoryEraser;

  readonly #options: Required<MemoryBrokerOptions>;
  readonly #channels: ChannelStore;
  /** Oldest first: all live equally long. */
  readonly #keys = new Map<string, UsedKey>();
  #deliveries: Delivery[] = [];
  #listener: BrokerListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #status: BrokerStatus;

  constructor(options: Required<MemoryBrokerOptions>) {
    this.#options = options;
    this.#channels = new ChannelStore(options.namespaces, options, randomBytes(4).readUInt32BE());
    this.#status = { ready: false, sinceMs: options.clock(), detail: 'not started' };
    this.eraser = new MemoryEraser((channel) => this.#erase(channel));
  }

  async start(listener: BrokerListener): Promise<void> {
    if (this.#status.detail === 'closed') throw this.#unavailable();
    this.#listener = listener;
    clearInterval(this.#sweeper);
    this.#sweeper = every(SWEEP_MS, () => this.#sweep()).unref();
    this.#status = { ready: true, sinceMs: this.#options.clock(), detail: '' };
  }

  async subscribe(channel: string): Promise<void> {
    this.#assertReady();
    checkChannel(channel);
    this.#channels.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.#channels.unsubscribe(channel);
  }

  async publish(publication: Publication): Promise<Offset> {
    return (await this.#store(publication)).offset;
  }

  publishMany(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return publishEach((publication) => this.#store(publication), publications);
  }

  async #store({ channel, data, key, from, waitReplicas = 0 }: Publication): Promise<Stored> {
    this.#assertReady();
    checkChannel(channel);
    checkSize(data, this.#options.maxMessageBytes);
    if (waitReplicas > 0) throw new FanfareError('replicas_unavailable', 'the memory broker has no replicas', NOT_SOON);
    const bytes = toBytes(data);
    const now = this.#options.clock();
    if (key === undefined) return { offset: this.#append(channel, bytes, from, now) };
    checkKey(key);
    const scoped = `${channel} ${key}`;
    const hash = createHash('sha1').update(bytes).digest('base64');
    const used = this.#keys.get(scoped);
    if (used !== undefined && used.expiresAtMs > now) {
      if (used.hash === hash) return { offset: used.offset, duplicate: true };
      throw new FanfareError('idempotency_conflict', 'the idempotency key was used with other data');
    }
    const offset = this.#append(channel, bytes, from, now);
    this.#keys.delete(scoped);
    this.#keys.set(scoped, { offset, hash, expiresAtMs: now + KEY_LIFE_MS });
    if (this.#keys.size > this.#options.maxKeys) deleteFirst(this.#keys);
    return { offset };
  }

  async publishLive(channel: string, data: Buffer | string): Promise<void> {
    this.#assertReady();
    checkChannel(channel);
    checkSize(data, this.#options.maxMessageBytes);
    if (!this.#channels.isSubscribed(channel)) return;
    const payload = normalise(Buffer.from(data), this.#options.maxMessageBytes);
    const message = { offset: undefined, previous: undefined, data: payload, from: undefined };
    this.#deliver({ channel, message });
  }

  async read(channel: string, after: Begin, limit: PageLimit): Promise<HistoryPage> {
    this.#assertReady();
    checkChannel(channel);
    checkAfter(after);
    const opens = limit.opens !== false || after !== START;
    return this.#channels.read(channel, after, limit, this.#options.clock(), opens) ?? NOTHING_YET;
  }

  async tails(channels: readonly string[]): Promise<readonly (Offset | undefined)[]> {
    this.#assertReady();
    return channels.map((channel) => this.#channels.tail(channel));
  }

  status(): BrokerStatus {
    return this.#status;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#listener = undefined;
    this.#channels.clear();
    this.#keys.clear();
    this.#deliveries = [];
    if (this.#status.detail !== 'closed') {
      this.#status = { ready: false, sinceMs: this.#options.clock(), detail: 'closed' };
    }
  }

  #append(name: string, bytes: Buffer, from: string | undefined, now: number): Offset {
    // Normalising may hand back the caller's own buffer, which the caller may reuse: history keeps a copy.
    const data = normalise(Buffer.from(bytes), this.#options.maxMessageBytes);
    const entry = this.#channels.append(name, data, from === undefined ? undefined : Buffer.from(from), now);
    if (this.#channels.isSubscribed(name)) this.#deliver({ channel: name, message: entry });
    return entry.offset;
  }

  #erase(channel: string): Erasure {
    this.#assertReady();
    checkChannel(channel);
    const begin = this.#channels.erase(channel, this.#options.clock());
    if (!this.#channels.isSubscribed(channel)) return { begin, told: 0 };
    this.#deliver({ channel, begin });
    return { begin, told: 1 };
  }

  #deliver(delivery: Delivery): void {
    this.#deliveries.push(delivery);
    if (this.#deliveries.length === 1) atOnce(() => this.#flush());
  }

  #flush(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    for (const delivery of deliveries) {
      const { channel } = delivery;
      if (!this.#channels.isSubscribed(channel)) continue;
      if ('message' in delivery) this.#listener?.message(channel, delivery.message);
      else this.#listener?.erased?.(channel, delivery.begin);
    }
  }

  #sweep(): void {
    const now = this.#options.clock();
    this.#channels.sweep(now);
    for (const [key, { expiresAtMs }] of this.#keys) {
      if (expiresAtMs > now) break;
      this.#keys.delete(key);
    }
  }

  #assertReady(): void {
    if (!this.#status.ready) throw this.#unavailable();
  }

  #unavailable(): FanfareError {
    return new FanfareError('broker_unavailable', `the memory broker is ${this.#status.detail}`);
  }
}

function toBytes(data: Buffer | string): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
