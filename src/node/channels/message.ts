// One message as a node holds it: a WebSocket frame built once, from which the other transports take their parts.

import type { BrokerMessage } from '../../broker/broker.js';
import { OFFSET_LENGTH, type Offset, rawMember } from '../../protocol/index.js';

const OFFSET_BEGIN = '"offset":"';
const DATA_BEGIN = Buffer.from(',"data":');
const END = Buffer.from('}');
const BRACE = 0x7d;
/** What stands between an offset and the data, where no sender does. */
const OFFSET_END = '","data":';
const EVENT_BEGIN = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');

/** Where an offset stands in what follows a frame's prefix. */
export const OFFSET_AT = OFFSET_BEGIN.length;

/** Hands out memory for frames. */
export interface FrameAllocator {
  allocate(bytes: number): Buffer;
}

/** For frames that no ring keeps. */
export const passingFrames: FrameAllocator = { allocate: Buffer.allocUnsafe };

const SCRATCH_BYTES = 64 * 1024;
let scratch: Buffer | undefined;
/** For frames that are sent at once and then forgotten: the next one takes the same memory. */
export const fleetingFrames: FrameAllocator = {
  allocate(bytes) {
    if (bytes > SCRATCH_BYTES) return Buffer.allocUnsafe(bytes);
    scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return scratch.subarray(0, bytes);
  },
};

/** A message of one channel. `frame` is its complete WebSocket text, in memory that a later message may take over: copy it. */
export class ChannelMessage {
  /** `undefined` on a live-only message. */
  readonly offset: Offset | undefined;
  readonly frame: Buffer;
  /** Where the part begins that follows the channel's prefix. */
  readonly bodyAt: number;

  constructor(offset: Offset | undefined, frame: Buffer, bodyAt: number) {
    this.offset = offset;
    this.frame = frame;
    this.bodyAt = bodyAt;
  }

  /** The same, which follows so many that were left out. */
  withSkipped(skipped: number): ChannelMessage {
    const count = Buffer.from(`"skipped":${skipped},`);
    const frame = Buffer.concat([this.frame.subarray(0, this.bodyAt), count, this.frame.subarray(this.bodyAt)]);
    return new ChannelMessage(this.offset, frame, this.bodyAt);
  }

  /** The message as one server-sent event. */
  streamEvent(): Buffer {
    return Buffer.concat([EVENT_BEGIN, this.frame, EVENT_END]);
  }

  /** The message as it stands in a poll's answer. */
  pollText(): string {
    return `{${this.frame.toString('utf8', this.bodyAt)}`;
  }

  /** The data as it was published. */
  dataText(): string {
    const at = this.bodyAt + OFFSET_AT + OFFSET_LENGTH;
    const begin = at + OFFSET_END.length;
    if (this.frame.toString('latin1', at, begin) === OFFSET_END)
      return this.frame.toString('utf8', begin, this.frame.length - 1);
    return rawMember(this.pollText(), 'data') ?? 'null';
  }

  /** About what {@link pollText} costs in bytes. */
  get pollBytes(): number {
    return this.frame.length - this.bodyAt + 1;
  }
}

/** What every message frame of a channel begins with, in ASCII. Channel names need no escaping in JSON. */
export function framePrefix(channel: string): string {
  return `{"type":"message","channel":"${channel}",`;
}

/** Builds the frame: `prefix`, offset and sender where there are, data. Copies everything, so that nothing of the bus is kept. */
export function buildMessage(prefix: string, message: BrokerMessage, memory: FrameAllocator): ChannelMessage {
  const { offset, from, data } = message;
  if (from !== undefined) return buildMessageFrom(prefix, message, from, memory);
  // One string and one write: each copy into a buffer costs as much as joining these.
  const head = offset === undefined ? `${prefix}"data":` : `${prefix}${OFFSET_BEGIN}${offset}","data":`;
  const frame = memory.allocate(head.length + data.length + 1);
  frame.write(head, 'latin1');
  frame.set(data, head.length);
  frame[frame.length - 1] = BRACE;
  return new ChannelMessage(offset, frame, prefix.length);
}

/** The same with a sender, which may hold any UTF-8. */
function buildMessageFrom(
  prefix: string,
  { offset, data }: BrokerMessage,
  from: Buffer,
  memory: FrameAllocator,
): ChannelMessage {
  const head = Buffer.from(offset === undefined ? `${prefix}"from":` : `${prefix}${OFFSET_BEGIN}${offset}","from":`);
  const parts = [head, from, DATA_BEGIN, data, END];
  const frame = memory.allocate(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(frame, at);
  return new ChannelMessage(offset, frame, prefix.length);
}
