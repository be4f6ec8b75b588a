// All channels of a node: opened on first use, closed a while after the last, fed from the broker.

import type { Broker, BrokerListener, BrokerMessage, HistoryPage, PageLimit } from '../../broker/broker.js';
import type { Namespaces } from '../../config/namespaces.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { Retrier } from '../../lib/retrier.js';
import { Turns, type WaitLimit } from '../../lib/turns.js';
import type { Begin } from '../../protocol/index.js';
import { Audience } from './audience.js';
import type { Batches } from './batches.js';
import { Channel, type ChannelCounters, type ChannelParts } from './channel.js';
import { troubleOf } from './channel-log.js';
import type { PublishToTopic } from './encoding.js';
import { TailWatch } from './tail-watch.js';

/** A channel is kept this long after its last user, so that a poll client finds it in memory at its next poll. */
const LINGER_MS = 15_000;
const SWEEP_EVERY_MS = 1_000;
/**
 * Chosen: reads of logs in flight that bring channels back to their logs. They have turns of their own: thousands of them keep
 * nobody waiting who opens another channel.
 */
const MAX_REPAIRS = 32;
/** Chosen: all other reads in flight; with 20 ms to Redis and back, that many allow 12,800 channels to be opened per second. */
const MAX_READS = 256;
/** Chosen: how long a poll's read waits for its turn, and behind how many; a client that is refused asks again. */
const POLL_WAIT: WaitLimit = {
  maxWaiting: 10_000,
  longestWaitMs: 2_000,
  refusal: () => new FanfareError('broker_unavailable', 'too many reads of logs wait', { retryAfterMs: 2_000 }),
};
/** Chosen: a read that takes longer waits for something that hangs, as one master of a Cluster may; the others need not. */
const SLOW_READ_MS = 250;
const RING_MAX_MESSAGES = 256;
const RING_MAX_BYTES = 512 * 1024;

export interface ChannelsParts {
  readonly broker: Broker;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
  readonly publish: PublishToTopic;
  /** Joins messages for sockets that asked for it. */
  readonly batches?: Batches;
  /** Called before each message from the bus, by the monotonic clock. */
  readonly beforeMessage?: (nowMs: number) => void;
  /** Channels open at once; none beyond it is opened. */
  readonly maxChannels: number;
}

/** Owns every {@link Channel} and is what the broker calls. */
export class Channels implements BrokerListener {
  readonly counters: ChannelCounters = { delivered: 0, duplicates: 0, repairs: 0, repaired: 0, gaps: 0 };
  readonly #parts: ChannelsParts;
  readonly #byName = new Map<string, Channel>();
  readonly #channelParts = new Map<number, ChannelParts>();
  /** Those that nobody uses, idle longest first. */
  readonly #idle = new Set<Channel>();
  readonly #retrier: Retrier;
  readonly #tails: TailWatch;
  readonly #repairs = new Turns(MAX_REPAIRS, SLOW_READ_MS);
  readonly #reads = new Turns(MAX_READS, SLOW_READ_MS);
  #sweeper: NodeJS.Timeout | undefined;

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#tails = new TailWatch(parts.broker, () => this.#byName.values());
    this.#retrier = new Retrier({
      firstPauseMs: 50,
      longestPauseMs: 2_000,
      onFailure: (error) =>
        parts.logger.debug({ error: String(error) }, 'the broker did not answer a channel; trying again'),
    });
  }

  /** Channels that the background comparison found behind the log. */
  get foundBehind(): number {
    return this.#tails.found;
  }

  get size(): number {
    return this.#byName.size;
  }

  start(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = setInterval(() => this.#sweep(monotonicNowMs()), SWEEP_EVERY_MS);
    this.#sweeper.unref();
    this.#tails.start();
  }

  /**
   * The channel, opened if need be. Every `acquire` is owed one {@link release}. Throws `overloaded` when it would be one more
   * than the node may have; one that nobody uses any more makes room.
   */
  acquire(name: string): Channel {
    const channel = this.#byName.get(name) ?? this.#create(name);
    if (channel.users === 0) this.#idle.delete(channel);
    channel.users++;
    return channel;
  }

  release(channel: Channel): void {
    channel.users--;
    if (channel.users > 0) return;
    channel.idleSinceMs = monotonicNowMs();
    this.#idle.add(channel);
  }

  /** As {@link peek}, whatever its place among others. */
  openAt(name: string): Channel | undefined {
    return this.peek(name);
  }

  /** The channel if it is open here already; nothing is acquired. */
  peek(name: string): Channel | undefined {
    const channel = this.#byName.get(name);
    return channel?.isOpen ? channel : undefined;
  }

  /**
   * One read of a channel's log for a poll, when its turn comes; `undefined` if `isOver()` holds by then. Rejects with what the
   * broker says, with `broker_unavailable` when the turn does not come soon, and `internal` names the channel.
   */
  async read(name: string, after: Begin, limit: PageLimit, isOver: () => boolean): Promise<HistoryPage | undefined> {
    const read = async () => (isOver() ? undefined : this.#parts.broker.read(name, after, limit));
    try {
      return await this.#reads.take(read, POLL_WAIT);
    } catch (error) {
      throw troubleOf(error, name) ?? error;
    }
  }

  message(name: string, message: BrokerMessage): void {
    const nowMs = monotonicNowMs();
    this.#parts.beforeMessage?.(nowMs);
    this.#byName.get(name)?.receive(message, nowMs);
  }

  resubscribed(names: readonly string[]): void {
    this.#retrier.retryNow();
    const channels = names.flatMap((name) => this.#byName.get(name) ?? []);
    for (const channel of channels) channel.distrust();
    void this.#tails.compareNow(channels);
  }

  damaged(name: string, reason: string): void {
    this.#parts.logger.warn({ channel: name, reason }, 'something on the bus could not be used; reading the log');
    void this.#byName.get(name)?.repair();
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#tails.stop();
    for (const channel of this.#byName.values()) channel.close();
    this.#byName.clear();
    this.#idle.clear();
    this.#retrier.retryNow();
  }

  #create(name: string): Channel {
    const { namespaces, publish, batches } = this.#parts;
    this.#makeRoom(name);
    const channel = new Channel(
      name,
      new Audience(name, publish, batches),
      this.#partsFor(namespaces.of(name).historySize),
    );
    this.#byName.set(name, channel);
    return channel;
  }

  /** Shared by all channels with as long a history: there are as many of them as namespaces. */
  #partsFor(historySize: number): ChannelParts {
    let parts = this.#channelParts.get(historySize);
    if (parts === undefined) {
      const { broker, logger } = this.#parts;
      parts = {
        broker,
        logger,
        ringLimits: { maxMessages: Math.min(RING_MAX_MESSAGES, historySize), maxBytes: RING_MAX_BYTES },
        retrier: this.#retrier,
        repairs: this.#repairs,
        reads: this.#reads,
        counters: this.counters,
      };
      this.#channelParts.set(historySize, parts);
    }
    return parts;
  }

  #sweep(nowMs: number): void {
    for (const channel of this.#idle) {
      if (nowMs - channel.idleSinceMs < LINGER_MS) return;
      this.#drop(channel);
    }
  }

  #makeRoom(name: string): void {
    const { maxChannels } = this.#parts;
    if (this.#byName.size < maxChannels) return;
    const oldest = this.#idle.values().next();
    if (!oldest.done) return this.#drop(oldest.value);
    const details = { channels: [name], retryAfterMs: LINGER_MS };
    throw new FanfareError('overloaded', `the node has the ${maxChannels} channels that it may have`, details);
  }

  #drop(channel: Channel): void {
    this.#idle.delete(channel);
    this.#byName.delete(channel.name);
    channel.close();
    this.#parts.broker.unsubscribe(channel.name);
  }
}
