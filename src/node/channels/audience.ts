// Who receives a channel's messages here: WebSockets through the engine's topic, streams, and waiting polls.

import type { GapEvent } from '../../protocol/index.js';
import type { ChannelMessage } from './message.js';

/** Sends a frame to all sockets of a topic. */
export type PublishToTopic = (topic: string, frame: Buffer) => void;

/** A stream that is live on a channel. */
export interface LiveStream {
  /** Writes a complete server-sent event; cuts the stream when it reads too slowly. */
  writeEvent(event: Buffer | string): void;
}

/** A poll that waits on a channel. It takes itself off. */
export interface PollWaiter {
  message(channel: string, message: ChannelMessage): void;
  gap(gap: GapEvent): void;
}

/** The receivers of one channel. Delivery builds each transport's bytes once, whatever the number of receivers. */
export class Audience {
  readonly #topic: string;
  readonly #publish: PublishToTopic;
  /** WebSockets that are subscribed to the topic; kept by their connections. */
  sockets = 0;
  streams: Set<LiveStream> | undefined;
  waiters: Set<PollWaiter> | undefined;

  constructor(topic: string, publish: PublishToTopic) {
    this.#topic = topic;
    this.#publish = publish;
  }

  message(message: ChannelMessage): void {
    if (this.sockets > 0) this.#publish(this.#topic, message.frame);
    if (this.streams !== undefined && this.streams.size > 0) {
      const event = message.streamEvent();
      for (const stream of this.streams) stream.writeEvent(event);
    }
    if (this.waiters !== undefined) for (const waiter of this.waiters) waiter.message(this.#topic, message);
  }

  gap(gap: GapEvent): void {
    const text = JSON.stringify(gap);
    if (this.sockets > 0) this.#publish(this.#topic, Buffer.from(text));
    if (this.streams !== undefined)
      for (const stream of this.streams) stream.writeEvent(`event: gap\ndata: ${text}\n\n`);
    if (this.waiters !== undefined) for (const waiter of this.waiters) waiter.gap(gap);
  }

  addStream(stream: LiveStream): void {
    this.streams ??= new Set();
    this.streams.add(stream);
  }

  addWaiter(waiter: PollWaiter): void {
    this.waiters ??= new Set();
    this.waiters.add(waiter);
  }
}
