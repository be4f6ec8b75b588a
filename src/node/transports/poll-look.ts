// What there is for a poll, channel by channel: in memory where memory can tell, else in the log.

import type { HistoryPage, PageLimit } from '../../broker/broker.js';
import { type After, type Begin, NOW, type Offset } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { Channels } from '../channels/channels.js';
import type { ChannelMessage } from '../channels/message.js';
import { bytesOf } from '../clients/read-price.js';

const PAGE_ENTRIES = 256;

/** Live-only messages that came while the poll waited, by channel. */
export type LiveMessages = ReadonlyMap<string, readonly ChannelMessage[]>;

/** What one channel has for a poll. Good within the turn in which it was found. */
export type Finding =
  /** The position that `now` stands for. */
  | { readonly kind: 'position'; readonly name: string; readonly offset: Offset }
  /** Whatever the channel holds after a position that is in its memory; at least one message, logged or live. */
  | {
      readonly kind: 'memory';
      readonly channel: Channel;
      readonly after: Offset;
      readonly live: readonly ChannelMessage[];
      readonly maxBytes: number;
    }
  | {
      readonly kind: 'page';
      readonly name: string;
      readonly after: After;
      readonly page: HistoryPage;
      readonly live: readonly ChannelMessage[];
    };

export function nameOf(finding: Finding): string {
  return finding.kind === 'memory' ? finding.channel.name : finding.name;
}

/** A channel of which memory cannot tell, and the position in question. */
export type Unread = readonly [name: string, after: Begin];

export interface Look {
  readonly found: readonly Finding[];
  readonly unread: readonly Unread[];
}

const NOTHING: readonly never[] = [];

/** Knows the channels of a poll. */
export interface OpenChannels {
  /** The channel of this name, which stands at this place among the poll's; `undefined` while its position is not known. */
  openAt(name: string, index: number): Channel | undefined;
}

/** Looks at what is in memory. A channel that has nothing new is neither found nor unread. */
export function lookInMemory(
  asked: ReadonlyMap<string, Begin>,
  channels: OpenChannels,
  live: LiveMessages | undefined,
  maxBytes: number,
): Look {
  const found: Finding[] = [];
  const unread: Unread[] = [];
  let index = 0;
  for (const [name, after] of asked) {
    const channel = channels.openAt(name, index++);
    if (channel === undefined) unread.push([name, after]);
    else if (after === NOW) found.push({ kind: 'position', name, offset: channel.position });
    else if (typeof after !== 'string' || !channel.holds(after)) unread.push([name, after]);
    else {
      const gathered = live?.get(name) ?? NOTHING;
      if (after === channel.position && gathered.length === 0) continue;
      found.push({ kind: 'memory', channel, after, live: gathered, maxBytes });
    }
  }
  return { found, unread };
}

/** What it cost to find these: bytes that were read, and channels that a position may have opened which was not good. */
export function costOf(found: readonly Finding[]): { readonly bytes: number; readonly openings: number } {
  const pages = found.flatMap((finding) => (finding.kind === 'page' ? [finding.page] : []));
  const bytes = pages.reduce((sum, page) => sum + bytesOf(page), 0);
  return { bytes, openings: pages.filter(({ gap }) => gap !== undefined).length };
}

export interface LogLook {
  readonly maxBytes: number;
  /** Whether a channel that nothing was published on yet is given a position. */
  readonly opens: boolean;
  readonly isOver: () => boolean;
}

/**
 * Reads the logs of all `unread` at once; `heard` is what came by the time that they have been read. A channel that has nothing new is not found; nothing is once `isOver()` holds. Rejects
 * with what the first says that cannot be read.
 */
export async function lookInLogs(
  unread: readonly Unread[],
  channels: Channels,
  heard: { readonly live: LiveMessages | undefined } | undefined,
  { maxBytes, opens, isOver }: LogLook,
): Promise<readonly Finding[]> {
  const limit = { maxEntries: PAGE_ENTRIES, maxBytes, opens };
  const found: Finding[] = [];
  for (const read of await readAll(unread, channels, limit, isOver)) {
    if (read === undefined) continue;
    const [name, after, page] = read;
    const channel = channels.peek(name);
    void channel?.meet(page);
    const gathered = heard?.live?.get(name) ?? NOTHING;
    if (after === NOW) found.push({ kind: 'position', name, offset: page.start });
    else if (channel?.holds(page.start) && page.start === after && page.gap === undefined) {
      // What memory has now is written once for all who ask for it.
      if (after !== channel.position || gathered.length > 0)
        found.push({ kind: 'memory', channel, after, live: gathered, maxBytes });
    } else if (isNews(page, after) || gathered.length > 0) {
      const from = typeof after === 'string' ? after : page.start;
      found.push({ kind: 'page', name, after: from, page, live: gathered });
    }
  }
  return found;
}

type ReadPage = readonly [name: string, after: Begin, page: HistoryPage];

/** All at the same time, and once more where one may have been deleted while another was waited for. */
async function readAll(
  unread: readonly Unread[],
  channels: Channels,
  limit: PageLimit,
  isOver: () => boolean,
): Promise<readonly (ReadPage | undefined)[]> {
  const generations = () => unread.map(([name]) => channels.generationOf(name)).join(' ');
  for (;;) {
    const before = generations();
    const pages = await Promise.all(
      unread.map(async ([name, after]): Promise<ReadPage | undefined> => {
        const page = await channels.read(name, after, limit, isOver);
        return page === undefined ? undefined : [name, after, page];
      }),
    );
    if (isOver() || generations() === before) return pages;
  }
}

/** The last messages are news even where there are none: like `now`, they give a position. */
function isNews(page: HistoryPage, after: Begin): boolean {
  return page.entries.length > 0 || page.gap !== undefined || page.start !== after;
}
