// The channels of the memory broker: who is subscribed to is never forgotten, of the others those used longest ago are.

import type { Namespaces } from '../../config/namespaces.js';
import { FanfareError } from '../../lib/errors.js';
import type { Begin, Offset } from '../../protocol/index.js';
import type { HistoryPage, LogEntry, PageLimit } from '../broker.js';
import { MemoryLog } from './log.js';

/** Chosen: how long a channel that nobody uses, and whose history has aged away, keeps its position. */
const IDLE_MS = 60 * 60_000;
/** As in Redis: the same for a channel that nothing was published on yet. */
const OPENED_MS = 5 * 60_000;
/** Chosen: only another configuration mends it. */
const NOT_SOON = { retryAfterMs: 60_000 };

export interface StoreLimits {
  /** Channels with a subscription; one more is refused. */
  readonly maxSubscribed: number;
  /** Channels without one that were published on; beyond it the one used longest ago is forgotten. As many that were only read. */
  readonly maxChannels: number;
  /** What all entries may take. */
  readonly maxHistoryBytes: number;
}

interface Channel {
  readonly log: MemoryLog;
  usedAtMs: number;
  /** The one of the store's three maps that it stands in. */
  home: Map<string, Channel>;
}

/** Every step takes the same time, however many channels there are, but for {@link sweep} and making room for bytes. */
export class ChannelStore {
  readonly #namespaces: Namespaces;
  readonly #limits: StoreLimits;
  readonly #tag: number;
  readonly #names = new Set<string>();
  // Each has the least recently used first.
  readonly #subscribed = new Map<string, Channel>();
  readonly #published = new Map<string, Channel>();
  readonly #opened = new Map<string, Channel>();
  #historyBytes = 0;

  /** `tag` makes the ids of this store its own. */
  constructor(namespaces: Namespaces, limits: StoreLimits, tag: number) {
    this.#namespaces = namespaces;
    this.#limits = limits;
    this.#tag = tag;
  }

  isSubscribed(name: string): boolean {
    return this.#names.has(name);
  }

  /** Throws `storage_full` when it would be one too many. */
  subscribe(name: string): void {
    const { maxSubscribed } = this.#limits;
    if (this.#names.size >= maxSubscribed && !this.#names.has(name)) {
      throw new FanfareError('storage_full', `the memory broker takes ${maxSubscribed} subscribed channels`, NOT_SOON);
    }
    this.#names.add(name);
    this.#settle(name);
  }

  unsubscribe(name: string): void {
    this.#names.delete(name);
    this.#settle(name);
  }

  append(name: string, data: Buffer, from: Buffer | undefined, nowMs: number): LogEntry {
    const channel = this.#find(name) ?? this.#open(name, nowMs);
    const before = channel.log.bytes;
    const entry = channel.log.append(data, from, nowMs);
    this.#use(name, channel, nowMs);
    this.#historyBytes += channel.log.bytes - before;
    if (this.#historyBytes > this.#limits.maxHistoryBytes) this.#shrink();
    return entry;
  }

  /** Opens the channel where it is new; `undefined` where that is not wanted. */
  read(name: string, after: Begin, limit: PageLimit, nowMs: number, opens: boolean): HistoryPage | undefined {
    const channel = this.#find(name) ?? (opens ? this.#open(name, nowMs) : undefined);
    if (channel === undefined) return undefined;
    const before = channel.log.bytes;
    const page = channel.log.read(after, limit, nowMs);
    this.#historyBytes += channel.log.bytes - before;
    this.#use(name, channel, nowMs);
    return page;
  }

  /** Deletes what the channel holds, whether or not there is anything; answers where it begins now. */
  erase(name: string, nowMs: number): Offset {
    const old = this.#find(name);
    this.#historyBytes -= old?.log.bytes ?? 0;
    old?.home.delete(name);
    const log = new MemoryLog(this.#namespaces.of(name), nowMs, this.#tag, old?.log.tail);
    this.#use(name, { log, usedAtMs: nowMs, home: this.#opened }, nowMs);
    return log.tail;
  }

  tail(name: string): Offset | undefined {
    return this.#find(name)?.log.tail;
  }

  /** Lets go of what is too old. */
  sweep(nowMs: number): void {
    for (const home of [this.#subscribed, this.#published, this.#opened]) {
      for (const [name, { log, usedAtMs }] of home) {
        const before = log.bytes;
        log.trim(nowMs);
        this.#historyBytes += log.bytes - before;
        const lifeMs = home === this.#opened ? OPENED_MS : IDLE_MS;
        if (home !== this.#subscribed && log.isEmpty && usedAtMs + lifeMs <= nowMs) home.delete(name);
      }
    }
  }

  clear(): void {
    for (const home of [this.#subscribed, this.#published, this.#opened]) home.clear();
    this.#names.clear();
    this.#historyBytes = 0;
  }

  #find(name: string): Channel | undefined {
    return this.#subscribed.get(name) ?? this.#published.get(name) ?? this.#opened.get(name);
  }

  #open(name: string, nowMs: number): Channel {
    const log = new MemoryLog(this.#namespaces.of(name), nowMs, this.#tag);
    return { log, usedAtMs: nowMs, home: this.#opened };
  }

  /** Now it is the most recently used where it belongs. */
  #use(name: string, channel: Channel, nowMs: number): void {
    channel.usedAtMs = nowMs;
    channel.home.delete(name);
    channel.home = this.#homeOf(name, channel);
    channel.home.set(name, channel);
    if (channel.home !== this.#subscribed && channel.home.size > this.#limits.maxChannels)
      this.#dropOldest(channel.home);
  }

  #settle(name: string): void {
    const channel = this.#find(name);
    if (channel !== undefined) this.#use(name, channel, channel.usedAtMs);
  }

  #homeOf(name: string, { log }: Channel): Map<string, Channel> {
    if (this.#names.has(name)) return this.#subscribed;
    return log.isUntouched ? this.#opened : this.#published;
  }

  #dropOldest(home: Map<string, Channel>): void {
    for (const [name, { log }] of home) {
      this.#historyBytes -= log.bytes;
      home.delete(name);
      return;
    }
  }

  /** Drops entries, first of channels that nobody is subscribed to. */
  #shrink(): void {
    // A tenth at once: the walk over channels that have nothing left is then rare.
    const enough = this.#limits.maxHistoryBytes * 0.9;
    for (const home of [this.#published, this.#subscribed]) {
      for (const { log } of home.values()) {
        while (!log.isEmpty) {
          if (this.#historyBytes <= enough) return;
          const before = log.bytes;
          log.dropFirst();
          this.#historyBytes += log.bytes - before;
        }
      }
    }
  }
}
