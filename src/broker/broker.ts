// The seam between a node and what carries messages and keeps history.

import type { FanfareError } from '../lib/errors.js';
import type { Begin, GapReason, Offset } from '../protocol/index.js';

/**
 * One message as a broker hands it on. `data` and `from` are valid JSON in UTF-8 without line breaks. They may be views
 * of a larger network buffer: whoever keeps one beyond the call copies it, or keeps all of that buffer alive.
 */
export interface BrokerMessage {
  /** `undefined` on a live-only message. */
  readonly offset: Offset | undefined;
  /** The offset of the message before it in the log; `undefined` on a live-only message. */
  readonly previous: Offset | undefined;
  readonly data: Buffer;
  /** JSON of a `Sender`, on what a client published. */
  readonly from: Buffer | undefined;
}

/** A message that stands in the log. */
export interface LogEntry extends BrokerMessage {
  readonly offset: Offset;
  readonly previous: Offset;
}

/** Part of a channel's log, as one atomic read of the master saw it. */
export interface HistoryPage {
  /** The position before the first entry: what was asked for, what `-1` or `now` stand for, or where a gap ends. */
  readonly start: Offset;
  /** Present when the position that was asked for is not good: what lay between it and `start` is not coming. */
  readonly gap: GapReason | undefined;
  /** In the log's order; each entry's `previous` is the offset before it. */
  readonly entries: readonly LogEntry[];
  /** The channel's newest position. */
  readonly tail: Offset;
  /** Whether entries follow the last one here. */
  readonly more: boolean;
  /** Bytes, at most, that were read beside the entries to find where to begin; absent: few. */
  readonly walkedBytes?: number;
}

export interface PageLimit {
  readonly maxEntries: number;
  /** Reading stops after the entry that passes it: at least one entry is always returned. */
  readonly maxBytes: number;
  /**
   * Default true: a channel that has no position yet is given one, which the broker has to remember. Where it is false, a read
   * after `-1` leaves such a channel as it is: the page is empty, and `-1` its `start` and `tail`.
   */
  readonly opens?: boolean;
}

export interface Publication {
  readonly channel: string;
  /** One JSON value, encoded. */
  readonly data: Buffer | string;
  /** Idempotency key with its scope, `u:<sub>:<key>` or `b:<key>`. */
  readonly key?: string;
  /** JSON of a `Sender`. */
  readonly from?: string;
  /** Replicas that must have the message before it is acknowledged; default 0. Delivery does not wait for them. */
  readonly waitReplicas?: number;
}

/** A message that stands in the log. */
export interface Stored {
  readonly offset: Offset;
  /** Its key was used before, and nothing was stored now. */
  readonly duplicate?: true;
}

/** How one of several publishes ended: as {@link Broker.publish} would have. */
export type PublishOutcome = Stored | { readonly error: FanfareError };

/** Publishes several messages at once, for less than one by one. */
export interface BatchPublisher {
  /**
   * Resolves with an outcome for each, in their order; never rejects. Messages of one channel are stored in the order given: behind
   * one that failed, and not because of what it is itself, no later one of its channel is stored.
   */
  publishMany(publications: readonly Publication[]): Promise<readonly PublishOutcome[]>;
}

/**
 * `envelope`: one that is broken or too large, which may have carried something of the log. `future`: one with an offset that
 * lies ahead of the broker's clock. `live`: what came where live-only messages come and is none, which the log knows nothing of.
 */
export type Damage = 'envelope' | 'future' | 'live';

/** What a broker tells its node. None of it may throw. */
export interface BrokerListener {
  /** Something arrived for a subscribed channel; of one channel in the order of the bus. */
  message(channel: string, message: BrokerMessage): void;
  /** The bus was interrupted and these subscriptions stand again: what came between must be read from the log. */
  resubscribed(channels: readonly string[]): void;
  /** The channel's log was deleted and begins anew at `begin`: what is in memory of it must go, and the log be read. */
  erased?(channel: string, begin: Offset): void;
  /** Something on the bus could not be used. Unless it was `live`, the log of the channel must be read. */
  damaged(channel: string, reason: string, cause: Damage): void;
}

export interface BrokerStatus {
  readonly ready: boolean;
  /** Unix milliseconds of the last change. */
  readonly sinceMs: number;
  /** Why it is not ready. */
  readonly detail: string;
}

/**
 * Carries messages between publishers and nodes and keeps history. Methods throw `FanfareError`:
 * `broker_unavailable` when nothing was sent, `ack_timeout` (outcome unknown) when a publish was sent and no answer came
 * or too few replicas confirmed it, `replicas_unavailable` when too few are online and nothing was written,
 * `idempotency_conflict`, `payload_too_large`, `storage_full`; `bad_channel_name`, `bad_offset`,
 * `bad_idempotency_key` for what no caller should ask; `internal` where a channel's keys hold something foreign.
 */
export interface Broker {
  /** Connects; resolves when the broker can be used. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Resolves when this channel's messages reach the listener from now on; the first may come just before. Rejects at once
   * while the bus is down, and when `unsubscribe` comes first; then the channel is not subscribed.
   */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
  /** Appends to the log and fans out, as one step; resolves with the stored message's offset. */
  publish(publication: Publication): Promise<Offset>;
  /** Fans out to whoever listens now; nothing is kept. */
  publishLive(channel: string, data: Buffer | string): Promise<void>;
  /** Reads the log after a position, and judges the position; or its last messages. */
  read(channel: string, after: Begin, limit: PageLimit): Promise<HistoryPage>;
  /**
   * The newest position of each channel, in the order given; `undefined` where a channel has none, or none any more:
   * only `read` judges; `null` where its part of the broker is away. Rejects where all of them are. Keeps alive the positions
   * of channels that nothing was published on yet: they live for minutes, unless they are asked for.
   */
  tails(channels: readonly string[]): Promise<readonly (Offset | undefined | null)[]>;
  status(): BrokerStatus;
  /** Plain counters for metrics, where it keeps any. */
  stats?(): Readonly<Record<string, number>>;
  /** Idempotent; afterwards every method rejects with `broker_unavailable`. */
  close(): Promise<void>;
}
