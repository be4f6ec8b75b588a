// How `GET /v1/channels/{channel}?live=sse` says what happens: `data` and `control` events, for EventSource and the open protocol's clients.

import {
  type ChannelRead,
  type Code,
  type GapEvent,
  isOffset,
  type Offset,
  type ServerEvent,
} from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { Encoding } from '../channels/encoding.js';
import type { ChannelMessage } from '../channels/message.js';
import type { StreamDialect } from '../clients/stream-dialect.js';
import { goneError } from './channel-answer.js';
import { itemOf, type PageFormat } from './channel-page.js';
import { cursorAfter, timeOf } from './live-cursor.js';

/** Chosen: how long an EventSource waits before it comes again. */
const RETRY_MS = 1_000;
const SILENCE = Buffer.alloc(0);

/** What a `control` event says where a stream ends for a reason. */
export interface ControlRefusal {
  readonly code: Code;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  readonly gap?: Pick<GapEvent, 'after' | 'offset' | 'reason'> | undefined;
}

/** One for each format: all listeners of a channel are written the same bytes. */
const LIVE: Readonly<Record<PageFormat, Encoding>> = { data: liveEncoding('data'), messages: liveEncoding('messages') };

function liveEncoding(format: PageFormat): Encoding {
  return {
    message: (message) => {
      const { offset } = message;
      if (offset === undefined) return SILENCE;
      return Buffer.from(dataOf(message, offset, format) + controlOf(offset, undefined, true));
    },
    // Each stream is told by itself, and ends then.
    gap: () => SILENCE,
  };
}

/** Of one stream. */
export class ChannelEvents implements StreamDialect {
  readonly #read: ChannelRead;
  /** Whether its client looks at what is no data before the end: then it is told why there is one. */
  readonly #hearsEnd: boolean;
  /** The last message that was missed, behind which a `control` is still to come. */
  #told: Offset | undefined;
  /** Once it has caught up for the first time. */
  #channel: Channel | undefined;

  constructor(read: ChannelRead, hearsEnd: boolean) {
    this.#read = read;
    this.#hearsEnd = hearsEnd;
  }

  get encoding(): Encoding {
    return LIVE[this.#read.format];
  }

  readonly hearsLive = false;
  readonly greeting = `retry: ${RETRY_MS}\n\n`;

  /** What was missed: whether it was the last, the next one says, or {@link live}. And what comes later where limits let it wait. */
  message(message: ChannelMessage): Buffer {
    const { offset } = message;
    if (offset === undefined) return SILENCE;
    if (this.#channel !== undefined) {
      const control = controlOf(offset, undefined, offset === this.#channel.position);
      return Buffer.from(dataOf(message, offset, this.#read.format) + control);
    }
    const before = this.#told === undefined ? '' : controlOf(this.#told, this.#read.cursor, false);
    this.#told = offset;
    return Buffer.from(before + dataOf(message, offset, this.#read.format));
  }

  /** It has caught up: from here on it hears what the channel brings. Where limits let it fall behind, its messages say when it has again. */
  live(channel: Channel): string {
    if (this.#channel !== undefined) return '';
    this.#channel = channel;
    this.#told = undefined;
    return controlOf(channel.position, this.#read.cursor, true);
  }

  event(event: ServerEvent): string {
    if (!this.#hearsEnd) return '';
    switch (event.type) {
      case 'gap':
        return this.ends(event) ? refusalOf(goneError(event.channel, event.after, event.offset, event.reason)) : '';
      case 'error':
        return refusalOf({ code: event.code, message: event.message, retryAfterMs: event.retryAfterMs });
      case 'close': {
        const [code = 'internal', message = ''] = event.reason.split(': ', 2);
        return refusalOf({ code: code as Code, message, retryAfterMs: event.retryAfterMs });
      }
      default:
        return '';
    }
  }

  /** Whoever named no position misses nothing before its first message. */
  ends(event: ServerEvent): boolean {
    return event.type === 'error' || (event.type === 'gap' && isOffset(event.after) && event.after !== event.offset);
  }
}

/** The reason of an end, as an event that an `EventSource` hears; it comes again by itself, from the position that is named, if any. */
export function refusalOf({ code, message, retryAfterMs, gap }: ControlRefusal): string {
  const retry = retryAfterMs === undefined ? '' : `retry: ${Math.ceil(retryAfterMs)}\n`;
  const id = gap === undefined ? '' : `id: ${gap.offset}\n`;
  const next = gap === undefined ? {} : { streamNextOffset: gap.offset, gap };
  const data = { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }), ...next };
  return `${retry}${id}event: control\ndata:${JSON.stringify(data)}\n\n`;
}

function dataOf(message: ChannelMessage, offset: Offset, format: PageFormat): string {
  return `id: ${offset}\nevent: data\ndata:[${itemOf(message, format)}]\n\n`;
}

function controlOf(offset: Offset, cursor: number | undefined, isTail: boolean): string {
  const streamCursor = String(cursorAfter(timeOf(offset), cursor));
  const data = { streamNextOffset: offset, streamCursor, ...(isTail && { upToDate: true }) };
  return `id: ${offset}\nevent: control\ndata:${JSON.stringify(data)}\n\n`;
}
