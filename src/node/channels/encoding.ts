// How a channel's messages and gaps look to one kind of listener.

import type { GapEvent } from '../../protocol/index.js';
import type { ChannelMessage } from './message.js';

/** Sends a frame to all sockets of a topic. */
export type PublishToTopic = (topic: string, frame: Buffer) => void;

export interface Encoding {
  /** Of a message; built once for all listeners of a channel. May lie in memory that a later message takes over. */
  message(message: ChannelMessage): Buffer;
  gap(gap: GapEvent): Buffer;
}

/** Of sockets: the engine sends one frame to all that are subscribed to the topic. */
export interface TopicEncoding extends Encoding {
  /** Whether messages of one turn may be joined into one frame. */
  readonly isBatched?: boolean;
  /** Whether such a frame leaves out of a message what the one before it says. */
  readonly isBrief?: boolean;
  topicOf(channel: string): string;
}

/** WebSocket text frames, one event each. */
export const JSON_FRAMES: TopicEncoding = {
  topicOf: (channel) => channel,
  message: ({ frame }) => frame,
  gap: (gap) => Buffer.from(JSON.stringify(gap)),
};

/** WebSocket text frames that hold one event or an array of them. No channel's name has a space. */
export const BATCHED_FRAMES: TopicEncoding = {
  ...JSON_FRAMES,
  isBatched: true,
  topicOf: (channel) => `batch ${channel}`,
};

/** The same, where a message leaves out what it has in common with the one before it in its array. */
export const BRIEF_FRAMES: TopicEncoding = {
  ...BATCHED_FRAMES,
  isBrief: true,
  topicOf: (channel) => `brief ${channel}`,
};

/** Server-sent events. */
export const EVENT_STREAM: Encoding = {
  message: (message) => message.streamEvent(),
  gap: (gap) => Buffer.from(`event: gap\ndata: ${JSON.stringify(gap)}\n\n`),
};
