// Sockets of one channel that are served the same bytes: the engine has their names, here is their number.

import type { LoopTurn } from '../../lib/loop-turn.js';
import type { Batch, Batches } from './batches.js';
import type { PublishToTopic, TopicEncoding } from './encoding.js';
import type { ChannelMessage } from './message.js';

/** A socket, as the engine knows the topics that it is subscribed to. */
export interface TopicListener {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Takes what is published to a topic on which it is alone, where that costs less than publishing; copied at once. */
  deliver?(frame: Buffer): void;
}

export interface TopicGroupParts {
  readonly publish: PublishToTopic;
  /** Tells turns of the event loop apart. */
  readonly turn: LoopTurn;
  /** Without them every message has a frame of its own. */
  readonly batches?: Batches | undefined;
  /** Hears what a receiver threw; the others are served all the same. */
  failed(error: unknown, channel: string): void;
}

export class TopicGroup {
  readonly encoding: TopicEncoding;
  /** Sockets in it. */
  count = 0;
  readonly #channel: string;
  readonly #topic: string;
  readonly #parts: TopicGroupParts;
  /** What waits is published before anybody joins or leaves, and before a gap. */
  readonly #batch: Batch | undefined;
  /** Who is alone in it, and takes the first frame of a turn by itself; what follows in the same turn leaves together. */
  #sole: TopicListener | undefined;
  #soleTurn = -1;

  constructor(channel: string, encoding: TopicEncoding, parts: TopicGroupParts) {
    this.encoding = encoding;
    this.#channel = channel;
    this.#topic = encoding.topicOf(channel);
    this.#parts = parts;
    this.#batch = encoding.isBatched ? parts.batches?.of(this, encoding.isBrief === true) : undefined;
  }

  add(socket: TopicListener): void {
    this.#batch?.flush();
    this.count++;
    this.#sole = this.count === 1 ? socket : undefined;
    socket.subscribe(this.#topic);
  }

  remove(socket: TopicListener): void {
    this.#batch?.flush();
    this.count--;
    this.#sole = undefined;
    socket.unsubscribe(this.#topic);
  }

  /** Takes one message, whose frame may lie in memory that a later message takes over. */
  message(message: ChannelMessage): void {
    if (this.#batch === undefined) this.send(this.encoding.message(message));
    else this.#batch.add(message);
  }

  gap(frame: Buffer): void {
    this.#batch?.flush();
    this.#publish(frame);
  }

  /** Sends a frame to all of them as it is. */
  send(frame: Buffer): void {
    const sole = this.#sole;
    if (sole?.deliver === undefined) return this.#publish(frame);
    const turn = this.#parts.turn.number();
    if (this.#soleTurn === turn) return this.#publish(frame);
    this.#soleTurn = turn;
    try {
      sole.deliver(frame);
    } catch (error) {
      this.#parts.failed(error, this.#channel);
    }
  }

  #publish(frame: Buffer): void {
    try {
      this.#parts.publish(this.#topic, frame);
    } catch (error) {
      this.#parts.failed(error, this.#channel);
    }
  }
}
