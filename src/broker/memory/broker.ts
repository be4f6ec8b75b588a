// The broker of a single process: the same promises as Redis, kept in memory, gone with the process.

import { createHash, randomBytes } from 'node:crypto';
import type { Namespaces } from '../../config/namespaces.js';
import { steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { type Begin, LIMITS, type Offset } from '../../protocol/index.js';
import type {
  Broker,
  BrokerListener,
  BrokerMessage,
  BrokerStatus,
  HistoryPage,
  PageLimit,
  Publication,
} from '../broker.js';
import { normalise } from '../payload.js';
import { checkAfter, checkChannel, checkKey, checkSize } from '../publication.js';
import { MemoryLog } from './log.js';

/** Specified: how long an idempotency key is kept. */
const KEY_LIFE_MS = 10 * 60_000;
/** Chosen: how often what nobody uses is dropped. */
const SWEEP_MS = 60_000;
/** Chosen: how long an idle channel without history keeps its position. */
const IDLE_MS = 60 * 60_000;

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
  /** Channels remembered; beyond it the least recently used that has no subscription is dropped. Default 100,000. */
  readonly maxChannels?: number;
  /** Idempotency keys remembered; beyond it the oldest are dropped. Default 100,000. */
  readonly maxKeys?: number;
}

/**
 * A broker in memory. Messages reach the listener in the order of the publishes, all of one tick together, in a
 * microtask: after `publish` has been called and before its promise's continuation runs. Each broker makes ids of its
 * own kind, so that an offset from before a restart is answered with a `lost` or `rewritten` gap.
 */
export function createMemoryBroker(options: MemoryBrokerOptions): Broker {
  return new MemoryBroker({
    clock: steadyUnixMs,
    maxMessageBytes: LIMITS.maxMessageBytes,
    maxHistoryBytes: 256 * 1024 * 1024,
    maxChannels: 100_000,
    maxKeys: 100_000,
    ...options,
  });
}

interface Channel {
  readonly log: MemoryLog;
  usedAtMs: number;
}

interface UsedKey {
  readonly offset: Offset;
  readonly hash: string;
  readonly expiresAtMs: number;
}

interface Delivery {
  readonly channel: string;
  readonly message: BrokerMessage;
}

class MemoryBroker implements Broker {
  readonly #options: Required<MemoryBrokerOptions>;
  readonly #tag = randomBytes(4).readUInt32BE();
  /** Least recently used first. */
  readonly #channels = new Map<string, Channel>();
  readonly #subscribed = new Set<string>();
  /** Oldest first: all live equally long. */
  readonly #keys = new Map<string, UsedKey>();
  #deliveries: Delivery[] = [];
  #historyBytes = 0;
  #listener: BrokerListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #status: BrokerStatus;

  constructor(options: Required<MemoryBrokerOptions>) {
    this.#options = options;
    this.#status = { ready: false, sinceMs: options.clock(), detail: 'not started' };
  }

  async start(listener: BrokerListener): Promise<void> {
    if (this.#status.detail === 'closed') throw this.#unavailable();
    this.#listener = listener;
    clearInterval(this.#sweeper);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#status = { ready: true, sinceMs: this.#options.clock(), detail: '' };
  }

  async subscribe(channel: string): Promise<void> {
    this.#assertReady();
    checkChannel(channel);
    this.#subscribed.add(channel);
  }

  unsubscribe(channel: string): void {
    this.#subscribed.delete(channel);
  }

  async publish({ channel, data, key, from, waitReplicas = 0 }: Publication): Promise<Offset> {
    this.#assertReady();
    checkChannel(channel);
    checkSize(data, this.#options.maxMessageBytes);
    if (waitReplicas > 0) throw new FanfareError('replicas_unavailable', 'the memory broker has no replicas', NOT_SOON);
    const bytes = toBytes(data);
    const now = this.#options.clock();
    if (key === undefined) return this.#append(channel, bytes, from, now);
    checkKey(key);
    const scoped = `${channel} ${key}`;
    const hash = createHash('sha1').update(bytes).digest('base64');
    const used = this.#keys.get(scoped);
    if (used !== undefined && used.expiresAtMs > now) {
      if (used.hash === hash) return used.offset;
      throw new FanfareError('idempotency_conflict', 'the idempotency key was used with other data');
    }
    const offset = this.#append(channel, bytes, from, now);
    this.#keys.delete(scoped);
    this.#keys.set(scoped, { offset, hash, expiresAtMs: now + KEY_LIFE_MS });
    if (this.#keys.size > this.#options.maxKeys) deleteFirst(this.#keys);
    return offset;
  }

  async publishLive(channel: string, data: Buffer | string): Promise<void> {
    this.#assertReady();
    checkChannel(channel);
    checkSize(data, this.#options.maxMessageBytes);
    if (!this.#subscribed.has(channel)) return;
    const payload = normalise(Buffer.from(data));
    this.#deliver(channel, { offset: undefined, previous: undefined, data: payload, from: undefined });
  }

  async read(channel: string, after: Begin, limit: PageLimit): Promise<HistoryPage> {
    this.#assertReady();
    checkChannel(channel);
    checkAfter(after);
    const now = this.#options.clock();
    const { log } = this.#use(channel, now);
    const before = log.bytes;
    const page = log.read(after, limit, now);
    this.#historyBytes += log.bytes - before;
    return page;
  }

  async tails(channels: readonly string[]): Promise<readonly (Offset | undefined)[]> {
    this.#assertReady();
    return channels.map((channel) => this.#channels.get(channel)?.log.tail);
  }

  status(): BrokerStatus {
    return this.#status;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#listener = undefined;
    this.#channels.clear();
    this.#subscribed.clear();
    this.#keys.clear();
    this.#deliveries = [];
    this.#historyBytes = 0;
    if (this.#status.detail !== 'closed') {
      this.#status = { ready: false, sinceMs: this.#options.clock(), detail: 'closed' };
    }
  }

  #append(name: string, bytes: Buffer, from: string | undefined, now: number): Offset {
    const channel = this.#use(name, now);
    // Normalising may hand back the caller's own buffer, which the caller may reuse: history keeps a copy.
    const data = normalise(Buffer.from(bytes));
    const before = channel.log.bytes;
    const entry = channel.log.append(data, from === undefined ? undefined : Buffer.from(from), now);
    this.#historyBytes += channel.log.bytes - before;
    if (this.#historyBytes > this.#options.maxHistoryBytes) this.#shrink();
    if (this.#subscribed.has(name)) this.#deliver(name, entry);
    return entry.offset;
  }

  #deliver(channel: string, message: BrokerMessage): void {
    this.#deliveries.push({ channel, message });
    if (this.#deliveries.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    for (const { channel, message } of deliveries) {
      if (this.#subscribed.has(channel)) this.#listener?.message(channel, message);
    }
  }

  /** The channel, opened where it is new, as the most recently used. */
  #use(name: string, now: number): Channel {
    const known = this.#channels.get(name);
    const channel = known ?? { log: new MemoryLog(this.#options.namespaces.of(name), now, this.#tag), usedAtMs: now };
    channel.usedAtMs = now;
    if (known !== undefined) this.#channels.delete(name);
    this.#channels.set(name, channel);
    if (this.#channels.size > this.#options.maxChannels) this.#dropOldestChannel(name);
    return channel;
  }

  #dropOldestChannel(except: string): void {
    for (const [name, channel] of this.#channels) {
      if (name === except || this.#subscribed.has(name)) continue;
      this.#historyBytes -= channel.log.bytes;
      this.#channels.delete(name);
      return;
    }
  }

  #shrink(): void {
    // A tenth at once: the walk over channels that have nothing left is then rare.
    const enough = this.#options.maxHistoryBytes * 0.9;
    for (const { log } of this.#channels.values()) {
      while (!log.isEmpty) {
        if (this.#historyBytes <= enough) return;
        const before = log.bytes;
        log.dropFirst();
        this.#historyBytes += log.bytes - before;
      }
    }
  }

  #sweep(): void {
    const now = this.#options.clock();
    for (const [name, { log, usedAtMs }] of this.#channels) {
      const before = log.bytes;
      log.trim(now);
      this.#historyBytes += log.bytes - before;
      if (log.isEmpty && usedAtMs + IDLE_MS <= now && !this.#subscribed.has(name)) this.#channels.delete(name);
    }
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
