// How a stream of server-sent events says what happens: `POST /v1/stream` has one way, a channel's own URL another.

import type { ServerEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import { type Encoding, EVENT_STREAM } from '../channels/encoding.js';
import type { ChannelMessage } from '../channels/message.js';
import { eventText } from './event-text.js';

export interface StreamDialect {
  /** Of what a channel brings to all who are live on it. */
  readonly encoding: Encoding;
  /** Whether it carries what no log keeps; else a busy channel may leave it silent. */
  readonly hearsLive: boolean;
  /** What is written first. */
  readonly greeting: string;
  /** A message that is for this stream alone, as what was missed. Empty: it is left out. */
  message(message: ChannelMessage): Buffer;
  /** Anything else; empty where it has no words for it. */
  event(event: ServerEvent): string;
  /** What is said when the stream has caught up with a channel. */
  live(channel: Channel): string;
  /** Whether nothing may follow this event. */
  ends(event: ServerEvent): boolean;
}

/** Each event under its own name, as on a WebSocket. */
export const ALL_EVENTS: StreamDialect = {
  encoding: EVENT_STREAM,
  hearsLive: true,
  greeting: '',
  message: (message) => message.streamEvent(),
  event: (event) => `event: ${event.type}\ndata: ${eventText(event)}\n\n`,
  live: () => '',
  ends: () => false,
};
