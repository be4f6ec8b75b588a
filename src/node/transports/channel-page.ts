// One page of a channel for `GET /v1/channels/{channel}`: its messages as items of a JSON array, and what it begins and ends with.

import { textHash } from '../../lib/text-hash.js';
import type { GapReason, Offset } from '../../protocol/index.js';
import { buildMessage, type ChannelMessage, framePrefix, passingFrames } from '../channels/message.js';
import { timeOf } from './live-cursor.js';
import type { Finding } from './poll-look.js';
import type { AnswerPart } from './poll-write.js';

/** More than a channel keeps in memory: bytes are what bounds a page. */
const MAX_MESSAGES = 1_024;
/** Chosen: how many messages there are between two ends of old pages, on average. */
const CUT_EVERY = 64;
/** Chosen: where none of so many is one by chance, the likeliest of them is; a page may have more. */
const MOST_UNCUT = 192;
/** Specified: how old the last message of a page has to be that is cut; what a failover may lose is younger. */
const SETTLED_MS = 60_000;
/** `{"offset":"…"` of a message's text. */
const OFFSET_PART = '{"offset":"0000000000000-0000000000000000"'.length;

/** How the messages of a page look. */
export type PageFormat = 'data' | 'messages';

export interface ChannelPage extends AnswerPart {
  /** The position before its first message. */
  readonly start: Offset;
  /** What was asked for is not good: what lay between it and `start` is not coming. */
  readonly gap: GapReason | undefined;
  /** Its items, each a JSON value. */
  readonly items: readonly string[];
  /** It ends where every old page that begins before ends: whoever asks for it is answered the same. */
  readonly isSettled: boolean;
}

/** How pages are made. */
export interface PageTerms {
  readonly format: PageFormat;
  /** Unix milliseconds, where old pages are cut at fixed offsets. */
  readonly cutsAtMs: number | undefined;
}

/** Whether there is nothing in it but a position. */
export function isEmpty({ messages, gap }: ChannelPage): boolean {
  return messages === 0 && gap === undefined;
}

/** Live-only messages are in none: no later read would find them. */
export function pageOf(finding: Finding, terms: PageTerms): ChannelPage {
  switch (finding.kind) {
    case 'position':
      return emptyPage(finding.offset);
    case 'memory': {
      const { channel, after, maxBytes } = finding;
      const messages = (channel.after(after, MAX_MESSAGES, maxBytes) ?? []).filter(isLogged);
      const more = messages.at(-1)?.offset !== channel.position && messages.length > 0;
      return page(after, undefined, messages, more, terms, itemOf);
    }
    case 'page': {
      const { start, gap, entries, more } = finding.page;
      const prefix = framePrefix(finding.name);
      return page(start, gap, entries, more, terms, (entry, format) =>
        format === 'data' ? entry.data.toString() : itemOf(buildMessage(prefix, entry, passingFrames), format),
      );
    }
  }
}

const NOTHING = { gap: undefined, items: [], more: false, messages: 0, isSettled: false } as const;

/** The page that is nothing but a position. */
export function emptyPage(offset: Offset): ChannelPage {
  return { ...NOTHING, start: offset, offset };
}

function page<T extends { readonly offset: Offset }>(
  start: Offset,
  gap: GapReason | undefined,
  messages: readonly T[],
  more: boolean,
  { format, cutsAtMs }: PageTerms,
  itemFrom: (message: T, format: PageFormat) => string,
): ChannelPage {
  const end = cutsAtMs === undefined ? -1 : endOfOld(messages);
  const isSettled = end !== -1 && timeOf(messages[end]?.offset ?? '') + SETTLED_MS <= (cutsAtMs ?? 0);
  const kept = isSettled ? messages.slice(0, end + 1) : messages;
  return {
    ...{ start, gap, isSettled },
    offset: kept.at(-1)?.offset ?? start,
    items: kept.map((message) => itemFrom(message, format)),
    // Whether more has come does not make the answer another one.
    more: more || isSettled,
    messages: kept.length,
  };
}

/**
 * Where an old page ends that begins with these messages; -1 where it is not sure. By their offsets alone, so that readers who begin at
 * different places end at the same, sooner or later.
 */
function endOfOld(messages: readonly { readonly offset: Offset }[]): number {
  let [least, likeliest] = [Number.POSITIVE_INFINITY, -1];
  for (const [index, { offset }] of messages.slice(0, MOST_UNCUT).entries()) {
    const hash = textHash(offset);
    if (hash % CUT_EVERY === 0) return index;
    if (hash < least) [least, likeliest] = [hash, index];
  }
  return messages.length < MOST_UNCUT ? -1 : likeliest;
}

function isLogged(message: ChannelMessage): message is ChannelMessage & { readonly offset: Offset } {
  return message.offset !== undefined;
}

/** A message as it stands in a page. */
export function itemOf(message: ChannelMessage, format: PageFormat): string {
  if (format === 'data') return message.dataText();
  const text = message.pollText();
  const time = Number(message.offset?.slice(0, 13) ?? 0);
  return `${text.slice(0, OFFSET_PART)},"time":${time}${text.slice(OFFSET_PART)}`;
}
