// Writes the answer to a poll: per channel the messages after a position, each text built once for all who ask the same.

import type { HistoryPage } from '../../broker/broker.js';
import type { After, Offset, PolledGap } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import { buildMessage, type ChannelMessage, framePrefix, passingFrames } from '../channels/message.js';

/** Texts kept for clients that ask the same within a moment. */
const MAX_KEPT = 16;

interface KeptText {
  readonly after: Offset;
  readonly position: Offset;
  readonly maxBytes: number;
  readonly text: string;
}

/** The part of an answer that one channel takes, or `undefined` when it has nothing. */
export type ChannelPart = string | undefined;

/** Builds parts of answers. Its memory is a bounded convenience: losing it costs time only. */
export class PollAnswers {
  readonly #kept = new Map<string, KeptText>();

  /** `{"offset":…}` for a client that asked for `now`. */
  position(name: string, offset: Offset): string {
    return part(name, offset, [], undefined, false);
  }

  /** What is in memory after `after`, up to `maxBytes` but at least one message. `after` must be held by the channel. */
  fromMemory(channel: Channel, after: Offset, live: readonly ChannelMessage[], maxBytes: number): ChannelPart {
    if (after === channel.position && live.length === 0) return undefined;
    const kept = this.#kept.get(channel.name);
    const { position } = channel;
    const shareable = live.length === 0;
    const isSame = kept?.after === after && kept.position === position && kept.maxBytes === maxBytes;
    if (shareable && isSame) return kept.text;
    const text = this.#write(channel, after, live, maxBytes);
    if (shareable) this.#keep(channel.name, { after, position, maxBytes, text });
    return text;
  }

  /** What a read of the log says; `undefined` when it says that there is nothing new. */
  fromLog(name: string, after: After, page: HistoryPage, live: readonly ChannelMessage[]): ChannelPart {
    if (after === 'now') return this.position(name, page.start);
    const isNews = page.entries.length > 0 || page.gap !== undefined || page.start !== after || live.length > 0;
    if (!isNews) return undefined;
    const prefix = framePrefix(name);
    const texts = page.entries.map((entry) => buildMessage(prefix, entry, passingFrames).pollText());
    for (const message of live) texts.push(message.pollText());
    const offset = page.entries.at(-1)?.offset ?? page.start;
    const gap = page.gap === undefined ? undefined : { after, offset: page.start, reason: page.gap };
    return part(name, offset, texts, gap, page.more);
  }

  #write(channel: Channel, after: Offset, live: readonly ChannelMessage[], maxBytes: number): string {
    const texts: string[] = [];
    let bytes = 0;
    let position = after;
    for (const message of channel.after(after) ?? []) {
      if (bytes > 0 && bytes + message.pollBytes > maxBytes) break;
      texts.push(message.pollText());
      bytes += message.pollBytes;
      position = message.offset ?? position;
    }
    for (const message of live) texts.push(message.pollText());
    return part(channel.name, position, texts, undefined, position !== channel.position);
  }

  #keep(name: string, kept: KeptText): void {
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(name, kept);
  }
}

function part(
  name: string,
  offset: Offset,
  texts: readonly string[],
  gap: PolledGap | undefined,
  more: boolean,
): string {
  const gapText = gap === undefined ? '' : `,"gap":${JSON.stringify(gap)}`;
  return `"${name}":{"offset":"${offset}","messages":[${texts.join(',')}]${gapText}${more ? ',"more":true' : ''}}`;
}
