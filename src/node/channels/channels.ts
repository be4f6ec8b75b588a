// All channels of a node: opened on first use, closed a while after the last, fed from the broker.

import type { Broker, BrokerListener, BrokerMessage, Damage, HistoryPage, PageLimit } from '../../broker/broker.js';
import type { NamespaceOptions, Namespaces } from '../../config/namespaces.js';
import { calm } from '../../lib/calm.js';
import { monotonicNowMs, steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { LoopTurn } from '../../lib/loop-turn.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import { Retrier } from '../../lib/retrier.js';
import { Slices } from '../../lib/slices.js';
import { type Begin, formatOffset, NOW, type Offset } from '../../protocol/index.js';
import { Audience, type AudienceParts } from './audience.js';
import type { Batches } from './batches.js';
import { Channel, type ChannelParts } from './channel.js';
import { type ChannelsCounters, noGaps, type Traffic } from './channel-counters.js';
import { troubleOf } from './channel-log.js';
import type { PublishToTopic } from './encoding.js';
import { Handover } from './handover.js';
import { HistoryMemory } from './history-memory.js';
import { createLogReads, type LogReads } from './log-reads.js';
import { TailWatch } from './tail-watch.js';

/** A channel is kept this long after its last user, so that a poll client finds it in memory at its next poll. */
const LINGER_MS = 15_000;
const SWEEP_EVERY_MS = 1_000;
/** Chosen: lines of the log in a minute that tell of damage, and what is remembered of them. */
const MAX_TOLD = 100;
const RING_MAX_MESSAGES = 256;
const RING_MAX_BYTES = 512 * 1024;
const MAX_HISTORY_BYTES = 64 * 1024 * 1024;

export interface ChannelsParts {
  readonly broker: Broker;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
  readonly publish: PublishToTopic;
  /** Joins messages for sockets that asked for it. */
  readonly batches?: Batches;
  /** Called before each message from the bus, by the monotonic clock. */
  readonly beforeMessage?: (nowMs: number) => void;
  /** Hears that nothing is held any more of what a channel had before `begin`, when it was deleted. */
  readonly forgot?: (channel: string, begin: Offset) => void;
  /** Channels open at once; none beyond it is opened. */
  readonly maxChannels: number;
  /** Bytes of messages that all channels keep in memory; default 64 MiB. */
  readonly maxHistoryBytes?: number;
  /** The broker's clock, Unix milliseconds; default this machine's. */
  readonly brokerNowMs?: () => number;
}

/** Owns every {@link Channel} and is what the broker calls. */
export class Channels implements BrokerListener {
  readonly traffic: Traffic = { deliveredAtMs: Number.NEGATIVE_INFINITY };
  readonly counters: ChannelsCounters = {
    messages: 0,
    duplicates: 0,
    repairs: 0,
    repaired: 0,
    ...noGaps(),
    deliveredSockets: 0,
    deliveredStreams: 0,
    'damaged.envelope': 0,
    'damaged.future': 0,
    'damaged.live': 0,
  };
  /** How long messages take from their publish. */
  readonly handover: Handover;
  /** What those wait for who come back at once: what the bus brings comes first. */
  readonly slices = new Slices();
  readonly #parts: ChannelsParts;
  readonly #brokerNowMs: () => number;
  readonly #byName = new Map<string, Channel>();
  readonly #channelParts = new Map<NamespaceOptions, ChannelParts>();
  readonly #audienceParts: AudienceParts;
  readonly #memory: HistoryMemory;
  /** Channels and causes of which the log was told within this minute. */
  readonly #told = new Set<string>();
  #toldSinceMs = Number.NEGATIVE_INFINITY;
  /** Those that nobody uses, idle longest first. */
  readonly #idle = new Set<Channel>();
  readonly #retrier: Retrier;
  readonly #tails: TailWatch;
  readonly #reads: LogReads;
  #sweeper: PeriodicTask | undefined;

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#brokerNowMs = parts.brokerNowMs ?? steadyUnixMs;
    this.handover = new Handover(this.#brokerNowMs);
    this.#memory = new HistoryMemory(parts.maxHistoryBytes ?? MAX_HISTORY_BYTES);
    this.#audienceParts = {
      publish: parts.publish,
      turn: new LoopTurn(),
      batches: parts.batches,
      counters: this.counters,
      failed: (error, channel) => calm(parts.logger).error({ error, channel }, 'a message could not be handed on'),
    };
    this.#reads = createLogReads(parts.broker);
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

  /** What its messages take in memory, and channels that had theirs taken away for want of it. */
  get history(): { readonly bytes: number; readonly dropped: number } {
    return this.#memory;
  }

  start(): void {
    this.#sweeper?.stop();
    this.#sweeper = periodically(SWEEP_EVERY_MS, () => this.#sweep(monotonicNowMs())).unref();
    this.#tails.start();
  }

  /**
   * The channel, opened if need be. Every `acquire` is owed one {@link release}. Throws `overloaded` when it would be one more
   * than the node may have; one that nobody uses any more makes room. `begin` is where its user will begin to read.
   */
  acquire(name: string, begin: Begin = NOW): Channel {
    const channel = this.#byName.get(name) ?? this.#create(name, begin);
    if (channel.users === 0) this.#idle.delete(channel);
    // A second reader may come to ask for what the first has had.
    if (++channel.users > 1) channel.memory.keep();
    return channel;
  }

  release(channel: Channel): void {
    channel.users--;
    if (channel.users > 0) return;
    channel.idleSinceMs = monotonicNowMs();
    this.#idle.add(channel);
  }

  /** Whether somebody has the channel open here, or is about to; if not, opening it costs more than reading it. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** As {@link peek}, for a poll that comes again, whatever the channel's place among others. */
  openAt(name: string): Channel | undefined {
    const channel = this.peek(name);
    channel?.memory.keep();
    return channel;
  }

  /** The channel if it is open here already; nothing is acquired. */
  peek(name: string): Channel | undefined {
    const channel = this.#byName.get(name);
    return channel?.isOpen ? channel : undefined;
  }

  /** Changes when what was read of a channel before may no longer be what its log holds; of one that is not open here it never does. */
  generationOf(name: string): number {
    return this.#byName.get(name)?.generation ?? 0;
  }

  /**
   * One read of a channel's log for a poll, when its turn comes, or the one that is under way for another; `undefined` if
   * `isOver()` holds by then. Rejects with what the broker says, with `broker_unavailable` when the turn does not come soon, and
   * `internal` names the channel.
   */
  async read(name: string, after: Begin, limit: PageLimit, isOver: () => boolean): Promise<HistoryPage | undefined> {
    const generation = this.generationOf(name);
    try {
      return await this.#reads.sharedByPolls.read({ name, generation, after, limit, isRetry: false, isOver });
    } catch (error) {
      throw troubleOf(error, name) ?? error;
    }
  }

  message(name: string, message: BrokerMessage): void {
    const nowMs = monotonicNowMs();
    this.#parts.beforeMessage?.(nowMs);
    this.#byName.get(name)?.receive(message, nowMs);
    this.handover.done(message.offset, nowMs);
  }

  resubscribed(names: readonly string[]): void {
    this.#retrier.retryNow();
    const channels = names.flatMap((name) => this.#byName.get(name) ?? []);
    for (const channel of channels) channel.distrust();
    void this.#tails.compareNow(channels);
  }

  erased(name: string, begin: Offset): void {
    const forgotten = this.#byName.get(name)?.erase() ?? Promise.resolve(true);
    void forgotten.then(() => this.#parts.forgot?.(name, begin));
  }

  damaged(name: string, reason: string, cause: Damage): void {
    this.counters[`damaged.${cause}`]++;
    this.#tellDamage(name, reason, cause);
    // What came for live-only messages cannot have stood for anything in the log: whoever floods there has nothing read.
    if (cause !== 'live') void this.#byName.get(name)?.repair();
  }

  close(): void {
    this.#sweeper?.stop();
    this.#tails.stop();
    for (const channel of this.#byName.values()) channel.close();
    this.#byName.clear();
    this.#idle.clear();
    this.#retrier.retryNow();
    this.slices.close();
  }

  #create(name: string, begin: Begin): Channel {
    const { namespaces } = this.#parts;
    this.#makeRoom(name);
    const parts = this.#partsFor(namespaces.of(name));
    const channel = new Channel(name, new Audience(name, this.#audienceParts), parts, begin);
    this.#byName.set(name, channel);
    return channel;
  }

  /** Shared by all channels of a namespace. */
  #partsFor(namespace: NamespaceOptions): ChannelParts {
    let parts = this.#channelParts.get(namespace);
    if (parts === undefined) {
      const { broker, logger } = this.#parts;
      const maxMessages = Math.min(RING_MAX_MESSAGES, namespace.historySize);
      parts = {
        broker,
        logger,
        ringLimits: { maxMessages, maxBytes: RING_MAX_BYTES, memory: this.#memory },
        age: { oldest: this.#oldestOf(namespace) },
        retrier: this.#retrier,
        ...this.#reads,
        counters: this.counters,
        traffic: this.traffic,
      };
      this.#channelParts.set(namespace, parts);
    }
    return parts;
  }

  #sweep(nowMs: number): void {
    for (const [namespace, { age }] of this.#channelParts) age.oldest = this.#oldestOf(namespace);
    for (const channel of this.#idle) {
      if (nowMs - channel.idleSinceMs < LINGER_MS) return;
      this.#drop(channel);
    }
  }

  /** The least offset that history may hold now: offsets are the broker's time. */
  #oldestOf({ historyTtlMs }: NamespaceOptions): Offset {
    return formatOffset(Math.max(0, this.#brokerNowMs() - historyTtlMs), 0);
  }

  /** The first of a channel, cause and minute: whoever may write on the bus is not to fill the log. */
  #tellDamage(channel: string, reason: string, cause: Damage): void {
    const nowMs = monotonicNowMs();
    if (nowMs - this.#toldSinceMs > 60_000) {
      this.#told.clear();
      this.#toldSinceMs = nowMs;
    }
    const known = `${cause} ${channel}`;
    if (this.#told.has(known) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(known);
    const text = 'something on the bus could not be used';
    this.#parts.logger.warn({ channel, cause, reason }, cause === 'live' ? text : `${text}; reading the log`);
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
