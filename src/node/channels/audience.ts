// Who receives a channel's messages here, in groups that are served the same bytes, and waiting polls.

import type { LoopTurn } from '../../lib/loop-turn.js';
import type { GapEvent, Offset } from '../../protocol/index.js';
import type { Batch, Batches } from './batches.js';
import type { Encoding, PublishToTopic, TopicEncoding } from './encoding.js';
import { Fed, type FedListener } from './fed.js';
import type { ChannelMessage } from './message.js';
import type { Newest } from './newest.js';
import { type PollWaiter, Waiters, type WaitersPlace } from './waiters.js';

/** What the audiences of a node have in common. */
export interface AudienceParts {
  readonly publish: PublishToTopic;
  /** Tells turns of the event loop apart. */
  readonly turn: LoopTurn;
  /** Without them every message has a frame of its own. */
  readonly batches?: Batches | undefined;
  /** Deliveries by who took them; polls are counted where they are answered. */
  readonly counters: { deliveredSockets: number; deliveredStreams: number };
  /** Hears what a receiver threw; the others are served all the same. */
  failed(error: unknown, channel: string): void;
}

/** A socket, as the engine knows the topics that it is subscribed to. */
export interface TopicListener {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Takes what is published to a topic on which it is alone, where that costs less than publishing; at once. */
  deliver?(frame: Buffer): void;
}

/** A stream that is live on a channel. */
export interface StreamListener {
  /** Takes a complete event; cuts the stream when it reads too slowly. */
  write(event: Buffer): void;
  /** Hears of a gap by itself; without it, it is written what the others are. */
  gap?(gap: GapEvent): void;
}

/** Sockets of one encoding: the engine has their names, here is their number. */
interface TopicGroup {
  readonly encoding: TopicEncoding;
  readonly topic: string;
  /** What waits is published before anybody joins or leaves, and before a gap. */
  readonly batch: Batch | undefined;
  count: number;
  /** Who is alone in it, and takes the first message of a turn by itself; what follows in the same turn leaves together. */
  sole: TopicListener | undefined;
  soleTurn: number;
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
  // An idle channel is cheap: groups are made with their first listener, and mostly there is one of them.
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
      const { encoding, topic, batch, count, sole } = group;
      if (count === 0) continue;
      counters.deliveredSockets += count;
      if (batch !== undefined) batch.add(encoding.message(message));
      else if (sole?.deliver === undefined) this.#send(topic, encoding.message(message));
      else this.#sendAlone(group, sole, encoding.message(message));
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
    for (const { encoding, topic, batch, count } of this.#topics ?? NOBODY) {
      batch?.flush();
      if (count > 0) this.#send(topic, encoding.gap(gap));
    }
    for (const { encoding, streams } of this.#streams ?? NOBODY) this.#tellGap(streams, gap, encoding);
    this.#fed?.gap(gap, (error) => this.#parts.failed(error, this.#channel));
    this.#waiters?.tell(
      (waiter) => waiter.gap(gap),
      (error) => this.#parts.failed(error, this.#channel),
    );
  }

  /** Only once for each socket, until it is removed. */
  addSocket(socket: TopicListener, encoding: TopicEncoding): void {
    let group = this.#topics?.find((one) => one.encoding === encoding);
    if (group === undefined) {
      const topic = encoding.topicOf(this.#channel);
      group = {
        encoding,
        topic,
        batch: encoding.isBatched ? this.#parts.batches?.of(topic) : undefined,
        count: 0,
        sole: undefined,
        soleTurn: -1,
      };
      this.#topics = [...(this.#topics ?? NOBODY), group];
    }
    group.batch?.flush();
    group.count++;
    group.sole = group.count === 1 ? socket : undefined;
    socket.subscribe(group.topic);
  }

  removeSocket(socket: TopicListener, encoding: TopicEncoding): void {
    const group = this.#topics?.find((one) => one.encoding === encoding);
    if (group === undefined) return;
    group.batch?.flush();
    group.count--;
    group.sole = undefined;
    socket.unsubscribe(group.topic);
  }

  addStream(stream: StreamListener, encoding: Encoding): void {
    let group = this.#streams?.find((one) => one.encoding === encoding);
    if (group === undefined) {
      group = { encoding, streams: new Set() };
      this.#streams = [...(this.#streams ?? NOBODY), group];
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

  #sendAlone(group: TopicGroup, sole: TopicListener, frame: Buffer): void {
    const turn = this.#parts.turn.number();
    if (group.soleTurn === turn) return this.#send(group.topic, frame);
    group.soleTurn = turn;
    try {
      sole.deliver?.(frame);
    } catch (error) {
      this.#parts.failed(error, this.#channel);
    }
  }

  #send(topic: string, frame: Buffer): void {
    try {
      this.#parts.publish(topic, frame);
    } catch (error) {
      this.#parts.failed(error, this.#channel);
    }
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
