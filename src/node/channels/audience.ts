// Who receives a channel's messages here, in groups that are served the same bytes, and waiting polls.

import type { GapEvent, GapReason, Offset } from '../../protocol/index.js';
import type { GapCounters } from './channel-counters.js';
import type { Encoding, TopicEncoding } from './encoding.js';
import { Fed, type FedListener } from './fed.js';
import type { ChannelMessage } from './message.js';
import type { Newest } from './newest.js';
import { TopicGroup, type TopicGroupParts, type TopicListener } from './topic-group.js';
import { type PollWaiter, Waiters, type WaitersPlace } from './waiters.js';

/** What the audiences of a node have in common. */
export interface AudienceParts extends TopicGroupParts {
  /** Deliveries by who took them, and gaps; polls are counted where they are answered. */
  readonly counters: GapCounters & { deliveredSockets: number; deliveredStreams: number };
}

/** A stream that is live on a channel. */
export interface StreamListener {
  /** Takes a complete event; cuts the stream when it reads too slowly. */
  write(event: Buffer): void;
  /** Hears of a gap by itself; without it, it is written what the others are. */
  gap?(gap: GapEvent): void;
}

/** Streams of one encoding. */
interface StreamGroup {
  readonly encoding: Encoding;
  readonly streams: Set<StreamListener>;
}

/** The receivers of one channel. A frame is built once for each encoding that somebody listens in, whatever their number. */
export class Audience {
  readonly #channel: string;
  readonly #parts: AudienceParts;
  // An idle channel is cheap: groups are made with their first listener, and mostly there is one of them. No list is spread: that leaves room for 16 more.
  #topics: readonly TopicGroup[] | undefined;
  #streams: readonly StreamGroup[] | undefined;
  #waiters: Waiters | undefined;
  #fed: Fed | undefined;

  constructor(channel: string, parts: AudienceParts) {
    this.#channel = channel;
    this.#parts = parts;
  }

  message(message: ChannelMessage): void {
    const { counters } = this.#parts;
    for (const group of this.#topics ?? NOBODY) {
      if (group.count === 0) continue;
      counters.deliveredSockets += group.count;
      group.message(message);
    }
    for (const { encoding, streams } of this.#streams ?? NOBODY) {
      if (streams.size === 0) continue;
      counters.deliveredStreams += streams.size;
      this.#writeAll(streams, encoding.message(message));
    }
    this.#fed?.message(message, (error) => this.#parts.failed(error, this.#channel));
    this.#waiters?.tell(
      (waiter) => waiter.message(this.#channel, message),
      (error) => this.#parts.failed(error, this.#channel),
    );
  }

  gap(gap: GapEvent): void {
    for (const group of this.#topics ?? NOBODY) {
      if (group.count === 0) continue;
      this.countGap(gap.reason, group.count);
      group.gap(group.encoding.gap(gap));
    }
    for (const { encoding, streams } of this.#streams ?? NOBODY) {
      this.countGap(gap.reason, streams.size);
      this.#tellGap(streams, gap, encoding);
    }
    this.countGap(gap.reason, this.#fed?.size);
    this.#fed?.gap(gap, (error) => this.#parts.failed(error, this.#channel));
    this.#waiters?.tell(
      (waiter) => waiter.gap(gap),
      (error) => this.#parts.failed(error, this.#channel),
    );
  }

  /** So many of its clients are told of one. */
  countGap(reason: GapReason, clients = 0): void {
    this.#parts.counters[`gaps.${reason}`] += clients;
  }

  /** Only once for each socket, until it is removed. */
  addSocket(socket: TopicListener, encoding: TopicEncoding): void {
    let group = this.#topics?.find((one) => one.encoding === encoding);
    if (group === undefined) {
      group = new TopicGroup(this.#channel, encoding, this.#parts);
      this.#topics = this.#topics?.concat(group) ?? [group];
    }
    group.add(socket);
  }

  removeSocket(socket: TopicListener, encoding: TopicEncoding): void {
    this.#topics?.find((one) => one.encoding === encoding)?.remove(socket);
  }

  addStream(stream: StreamListener, encoding: Encoding): void {
    let group = this.#streams?.find((one) => one.encoding === encoding);
    if (group === undefined) {
      group = { encoding, streams: new Set() };
      this.#streams = this.#streams?.concat(group) ?? [group];
    }
    group.streams.add(stream);
  }

  removeStream(stream: StreamListener, encoding: Encoding): void {
    this.#streams?.find((one) => one.encoding === encoding)?.streams.delete(stream);
  }

  /** A link that is sent each message by itself, as it may have it. Until it is removed. */
  addFed(listener: FedListener): void {
    this.#fed ??= new Fed();
    this.#fed.add(listener);
  }

  removeFed(listener: FedListener): void {
    this.#fed?.remove(listener);
    if (this.#fed?.size === 0) this.#fed = undefined;
  }

  /** The newest of each kind, from `position` on; kept while somebody is fed. */
  newest(member: string, position: Offset): Newest {
    this.#fed ??= new Fed();
    return this.#fed.newest(member, position);
  }

  /** Every one is owed a {@link removeWaiter} with what this answers. */
  addWaiter(waiter: PollWaiter): WaitersPlace {
    this.#waiters ??= new Waiters();
    return this.#waiters.add(waiter);
  }

  removeWaiter(place: WaitersPlace): void {
    this.#waiters?.remove(place);
  }

  /** Who is told may leave. */
  #tellGap(streams: ReadonlySet<StreamListener>, gap: GapEvent, encoding: Encoding): void {
    for (const stream of [...streams]) {
      try {
        if (stream.gap === undefined) stream.write(encoding.gap(gap));
        else stream.gap(gap);
      } catch (error) {
        this.#parts.failed(error, this.#channel);
      }
    }
  }

  #writeAll(streams: ReadonlySet<StreamListener>, event: Buffer): void {
    for (const stream of streams) {
      try {
        stream.write(event);
      } catch (error) {
        this.#parts.failed(error, this.#channel);
      }
    }
  }
}

const NOBODY: readonly never[] = [];
