// One message as a node holds it: a WebSocket frame built once, from which the other transports take their parts.

import type { BrokerMessage } from '../broker/broker.js';
import type { Offset } from '../protocol/index.js';

const OFFSET_BEGIN = Buffer.from('"offset":"');
const OFFSET_END = Buffer.from('",');
const FROM_BEGIN = Buffer.from('"from":');
const DATA_BEGIN = Buffer.from('"data":');
const BRACE = 0x7d;
const COMMA = 0x2c;
const EVENT_BEGIN = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');

/** Hands out memory for frames. */
export interface FrameAllocator {
  allocate(bytes: number): Buffer;
}

/** For frames that no ring keeps. */
export const passingFrames: FrameAllocator = { allocate: Buffer.allocUnsafe };

/** A message of one channel. `frame` is its complete WebSocket text, in memory of its own. */
export class ChannelMessage {
  /** `undefined` on a live-only message. */
  readonly offset: Offset | undefined;
  readonly previous: Offset | undefined;
  readonly frame: Buffer;
  readonly #bodyAt: number;

  constructor(offset: Offset | undefined, previous: Offset | undefined, frame: Buffer, bodyAt: number) {
    this.offset = offset;
    this.previous = previous;
    this.frame = frame;
    this.#bodyAt = bodyAt;
  }

  /** The message as one server-sent event. */
  streamEvent(): Buffer {
    return Buffer.concat([EVENT_BEGIN, this.frame, EVENT_END]);
  }

  /** The message as it stands in a poll's answer. */
  pollText(): string {
    return `{${this.frame.toString('utf8', this.#bodyAt)}`;
  }

  /** About what {@link pollText} costs in bytes. */
  get pollBytes(): number {
    return this.frame.length - this.#bodyAt + 1;
  }
}

/** What every message frame of a channel begins with. Channel names need no escaping in JSON. */
export function framePrefix(channel: string): Buffer {
  return Buffer.from(`{"type":"message","channel":"${channel}",`);
}

/** Builds the frame: `prefix`, offset and sender where there are, data. Copies everything, so that nothing of the bus is kept. */
export function buildMessage(prefix: Buffer, message: BrokerMessage, memory: FrameAllocator): ChannelMessage {
  const { offset, from, data } = message;
  const bytes =
    prefix.length +
    (offset === undefined ? 0 : OFFSET_BEGIN.length + offset.length + OFFSET_END.length) +
    (from === undefined ? 0 : FROM_BEGIN.length + from.length + 1) +
    DATA_BEGIN.length +
    data.length +
    1;
  const frame = memory.allocate(bytes);
  let at = prefix.copy(frame, 0);
  if (offset !== undefined) {
    at += OFFSET_BEGIN.copy(frame, at);
    at += frame.write(offset, at, 'latin1');
    at += OFFSET_END.copy(frame, at);
  }
  if (from !== undefined) {
    at += FROM_BEGIN.copy(frame, at);
    at += from.copy(frame, at);
    frame[at++] = COMMA;
  }
  at += DATA_BEGIN.copy(frame, at);
  at += data.copy(frame, at);
  frame[at] = BRACE;
  return new ChannelMessage(offset, message.previous, frame, prefix.length);
}
