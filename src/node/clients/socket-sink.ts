// What is delivered to one WebSocket: events, messages, and its place in audiences, in the encoding that it asked for.

import type { ServerEvent } from '../../protocol/index.js';
import type { Batches } from '../channels/batches.js';
import type { Channel } from '../channels/channel.js';
import { JSON_FRAMES, type TopicEncoding } from '../channels/encoding.js';
import type { ChannelMessage } from '../channels/message.js';
import type { Held } from '../channels/newest.js';
import type { EngineSocket } from '../engines/engine.js';
import { eventText } from './event-text.js';
import { Pulse } from './pulse.js';
import type { Sink } from './subscription.js';

export interface SocketSinkParts {
  /** Counts what is replayed. */
  readonly links: { readonly replayed: { websocket: number } };
  /** Joins messages for links that asked for that. */
  readonly batches: Batches;
  readonly terms: { readonly heartbeatMs: number };
}

/** A part of its link and not an object beside it: a node has tens of thousands. */
export abstract class SocketSink<Parts extends SocketSinkParts = SocketSinkParts> extends Pulse implements Sink {
  protected readonly parts: Parts;
  protected socket: EngineSocket | undefined;
  protected encoding: TopicEncoding = JSON_FRAMES;
  /** Of the few whose channels are limited. */
  declare held?: Held;
  #onDrained: (() => void)[] | undefined;

  constructor(parts: Parts, nowMs: number) {
    super(parts.terms.heartbeatMs, nowMs);
    this.parts = parts;
  }

  abstract get isClosed(): boolean;

  sendEvent(event: ServerEvent): void {
    this.#flushBatches();
    const text = eventText(event);
    if (this.socket?.deliver === undefined) this.socket?.send(text);
    else this.socket.deliver(text);
  }

  sendMessage(message: ChannelMessage): void {
    this.#flushBatches();
    this.parts.links.replayed.websocket++;
    this.socket?.send(message.frame);
  }

  cork(write: () => void): void {
    if (this.socket === undefined) write();
    else this.socket.cork(write);
  }

  bufferedBytes(): number {
    return this.socket?.bufferedBytes() ?? 0;
  }

  drained(): Promise<void> {
    if (this.isClosed || this.bufferedBytes() === 0) return Promise.resolve();
    this.#onDrained ??= [];
    const listeners = this.#onDrained;
    return new Promise((resolve) => listeners.push(resolve));
  }

  /** What was buffered has left. */
  drain(): void {
    const listeners = this.#onDrained;
    this.#onDrained = undefined;
    for (const listener of listeners ?? []) listener();
  }

  join(channel: Channel): void {
    if (this.socket !== undefined) channel.audience.addSocket(this.socket, this.encoding);
  }

  leave(channel: Channel): void {
    if (this.socket !== undefined) channel.audience.removeSocket(this.socket, this.encoding);
  }

  /** What was published before comes before what is sent to this link alone. */
  #flushBatches(): void {
    if (this.encoding.isBatched) this.parts.batches.flush();
  }
}
