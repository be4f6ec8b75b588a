// How a channel's messages and gaps look to one kind of listener.

import type { GapEvent } from '../../protocol/index.js';
import type { ChannelMessage } from './message.js';

export interface Encoding {
  /** Of a message; built once for all listeners of a channel. May lie in memory that a later message takes over. */
  message(message: ChannelMessage): Buffer;
  gap(gap: GapEvent): Buffer;
}

/** Of sockets: the engine sends one frame to all that are subscribed to the topic. */
export interface TopicEncoding extends Encoding {
  topicOf(channel: string): string;
}

/** WebSocket text frames, one event each. */
export const JSON_FRAMES: TopicEncoding = {
  topicOf: (channel) => channel,
  message: ({ frame }) => frame,
  gap: (gap) => Buffer.from(JSON.stringify(gap)),
};

/** Server-sent events. */
export const EVENT_STREAM: Encoding = {
  message: (message) => message.streamEvent(),
  gap: (gap) => Buffer.from(`event: gap\ndata: ${JSON.stringify(gap)}\n\n`),
};
