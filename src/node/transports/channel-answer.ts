// Gives the answer to one read of a channel's own URL: its headers, its validator, and what a position that is not good is told.

import type { NamespaceOptions } from '../../config/namespaces.js';
import { steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import {
  CHANNEL_EXPOSED_HEADERS,
  type ChannelRead,
  type Code,
  type GapReason,
  HEADERS,
  isOffset,
  MEDIA_TYPES,
  NOW,
  type Offset,
} from '../../protocol/index.js';
import type { HttpCall } from './call.js';
import { type ChannelPage, emptyPage, isEmpty, type PageTerms, pageOf } from './channel-page.js';
import { cursorAfter, lastMark, timeOf } from './live-cursor.js';
import type { Finding } from './poll-look.js';
import type { AnswerWriter, PollAnswer } from './poll-write.js';

/** Chosen: how old what a cache hands out may be where more may have come; those who ask within it are one request. */
const FRESH_SECONDS = 1;
/**
 * Chosen: so much longer a cache may hand it out to all others while one of those who ask has a node asked, else all of them are requests
 * at the moment at which it has aged. Of what a long poll is answered more: thousands who waited for it are not all served within a second,
 * and it is no older for that: what follows a position stays what follows it, and an empty answer names another URL.
 */
const STALE_SECONDS = { page: 1, live: 4 } as const;
/** Specified: the longest that an old page may be kept. */
const MAX_AGE_SECONDS = 3_600;
const DRAINING_RETRY_MS = 1_000;
const EMPTY = Buffer.alloc(0);
const NO_STORE = 'no-store';
/** Of every answer. */
const COMMON = { 'Content-Type': MEDIA_TYPES.json, 'X-Content-Type-Options': 'nosniff' } as const;
/** A shared cache may keep what is public; what is not belongs to whoever showed that token. */
const PUBLIC = { ...COMMON, 'Cross-Origin-Resource-Policy': 'cross-origin' } as const;
const PRIVATE = {
  ...COMMON,
  'Access-Control-Expose-Headers': CHANNEL_EXPOSED_HEADERS.join(', '),
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Origin, Authorization',
} as const;

const GONE: Readonly<Record<GapReason, Code>> = {
  trimmed: 'offset_trimmed',
  expired: 'offset_trimmed',
  rewritten: 'offset_rewritten',
  lost: 'offset_unknown',
  unknown: 'offset_unknown',
  conflated: 'offset_trimmed',
};

/** What whoever holds a position that is not good is told; `offset` is where to go on. */
export function goneError(channel: string, after: Offset, offset: Offset, reason: GapReason): FanfareError {
  const details = { channels: [channel], gap: { after, offset, reason } };
  return new FanfareError(GONE[reason], `offset: messages after it are gone (${reason})`, details);
}

/** Whether who begins there holds a position of its own, and could miss something. */
export function holdsPosition(begin: ChannelRead['begin']): begin is Offset {
  return isOffset(begin);
}

/** What is read, and on whose behalf. */
export interface ChannelTerms {
  readonly read: ChannelRead;
  readonly namespace: Pick<NamespaceOptions, 'public' | 'historyTtlMs' | 'cacheMaxAgeMs'>;
  /** `If-None-Match` of the request. */
  readonly known: string | undefined;
  /** When a wait that finds nothing ends, in Unix milliseconds; it is no long poll without. */
  readonly markMs: number | undefined;
  /** Called instead of an answer where the position is good. */
  readonly isGood?: () => void;
}

/** Of one request. */
export class ChannelAnswer implements AnswerWriter<ChannelPage> {
  readonly #call: HttpCall;
  readonly #terms: ChannelTerms;
  readonly #isHead: boolean;
  /** What the client holds already. */
  readonly #known: ReadonlySet<string>;
  readonly #pages: PageTerms;
  #page: ChannelPage | undefined;
  /** Where a wait began. */
  #position: Offset | undefined;

  constructor(call: HttpCall, terms: ChannelTerms) {
    const { read, namespace, markMs } = terms;
    this.#call = call;
    this.#terms = terms;
    this.#isHead = call.exchange.method === 'HEAD';
    this.#known = new Set(validatorsIn(terms.known));
    const cuts = namespace.public && markMs === undefined && typeof read.begin === 'string';
    this.#pages = { format: read.format, cutsAtMs: cuts ? steadyUnixMs() : undefined };
    this.#position = holdsPosition(read.begin) ? read.begin : undefined;
  }

  parts(findings: readonly Finding[]): readonly ChannelPage[] {
    return findings.map((finding) => pageOf(finding, this.#pages));
  }

  known(): undefined {
    return undefined;
  }

  waitsFrom([page]: readonly ChannelPage[]): ReadonlyMap<string, Offset> | undefined {
    if (page === undefined || !isEmpty(page)) return undefined;
    this.#position = page.offset;
    return new Map([[this.#terms.read.channel, page.offset]]);
  }

  /** There is one channel, and so one page. */
  answerOf([page]: readonly ChannelPage[]): PollAnswer {
    this.#page = page;
    const nothing = { body: EMPTY, more: undefined, messages: 0 };
    if (page?.gap !== undefined && this.#isGone(page)) return { ...nothing, gaps: [page.gap] };
    if (page === undefined || this.#isKnown(page)) return nothing;
    const more = page.more ? new Map([[this.#terms.read.channel, page.offset]]) : undefined;
    return { body: Buffer.from(`[${page.items.join(',')}]`), more, messages: this.#isHead ? 0 : page.messages };
  }

  give(_: unknown, { body }: PollAnswer): void {
    const page = this.#page;
    if (page === undefined) return;
    if (this.#isGone(page)) return this.#refuse(page);
    if (this.#terms.isGood !== undefined) return this.#terms.isGood();
    const headers = this.#headersOf(page);
    if (this.#isKnown(page)) this.#call.respond(304, headers);
    else this.#call.respond(200, headers, body);
  }

  /** The position is the channel's tail. */
  giveNothing(_: unknown, isMoving: boolean): void {
    const { namespace, markMs, isGood } = this.#terms;
    const page = emptyPage(this.#position ?? '');
    this.#page = page;
    if (isGood !== undefined) return isGood();
    if (markMs === undefined) return this.give(undefined, { body: Buffer.from('[]'), more: undefined, messages: 0 });
    if (isMoving) {
      const details = { retryAfterMs: DRAINING_RETRY_MS };
      return this.#call.fail(new FanfareError('draining', 'the node is going away', details));
    }
    // Behind a cache all who wait get this one answer, and ask for another URL then.
    if (namespace.public) this.#call.respond(200, this.#headersOf(page, markMs), '[]');
    else this.#call.respond(204, { ...this.#headersOf(page, markMs), 'Cache-Control': NO_STORE });
  }

  /** Whoever named no position of its own misses nothing. */
  #isGone({ gap }: ChannelPage): boolean {
    return gap !== undefined && holdsPosition(this.#terms.read.begin);
  }

  #refuse({ start, gap = 'unknown' }: ChannelPage): void {
    const { begin, channel } = this.#terms.read;
    const headers = { [HEADERS.streamNextOffset]: start, Link: this.#link(start) };
    this.#call.fail(goneError(channel, typeof begin === 'string' ? begin : start, start, gap), headers);
  }

  #headersOf(page: ChannelPage, stampMs = this.#stampOf(page)): Readonly<Record<string, string>> {
    const etag = this.#etagOf(page);
    const { namespace, read } = this.#terms;
    return {
      ...(namespace.public ? PUBLIC : PRIVATE),
      'Cache-Control': this.#cacheControl(page),
      [HEADERS.streamNextOffset]: page.offset,
      [HEADERS.streamCursor]: String(cursorAfter(stampMs, read.cursor)),
      ...(etag !== undefined && { ETag: etag }),
      ...(page.more ? { Link: this.#link(page.offset) } : { [HEADERS.streamUpToDate]: 'true' }),
    };
  }

  /**
   * Of a page that ends at the tail no earlier than the last mark: what waits behind it was answered then, and a cache that has that answer still,
   * but too old, would have a node asked by each of those who come.
   */
  #stampOf({ offset, more }: ChannelPage): number {
    return more ? timeOf(offset) : Math.max(timeOf(offset), lastMark(this.#terms.read.channel, steadyUnixMs()));
  }

  #cacheControl(page: ChannelPage): string {
    const { namespace, read } = this.#terms;
    if (this.#isHead || read.begin === NOW) return NO_STORE;
    return namespace.public ? `public, ${this.#lifeOf(page)}` : 'private, no-cache';
  }

  /** What begins at an offset that is named is the same for as long as any of it is kept. */
  #lifeOf({ start, isSettled }: ChannelPage): string {
    const { namespace, read } = this.#terms;
    if (read.live !== undefined) return `max-age=${FRESH_SECONDS}, stale-while-revalidate=${STALE_SECONDS.live}`;
    if (!isSettled || !holdsPosition(read.begin)) {
      return `max-age=${FRESH_SECONDS}, stale-while-revalidate=${STALE_SECONDS.page}`;
    }
    const leftMs = timeOf(start) + namespace.historyTtlMs - steadyUnixMs();
    const seconds = Math.floor(Math.min(leftMs, namespace.cacheMaxAgeMs) / 1_000);
    return `max-age=${Math.max(FRESH_SECONDS, Math.min(seconds, MAX_AGE_SECONDS))}`;
  }

  /** The next page, by a reference that holds behind any prefix of the URL. */
  #link(offset: Offset): string {
    return `<?${this.#terms.read.format === 'messages' ? 'format=messages&' : ''}offset=${offset}>; rel="next"`;
  }

  /** Offsets are unique, and each names the one before it: between two of them there is one run of messages. */
  #etagOf({ start, offset, more }: ChannelPage): string | undefined {
    const { begin, format, live } = this.#terms.read;
    if (begin === NOW || live !== undefined) return undefined;
    return `"${format}.${start}.${offset}${more ? '.more' : ''}"`;
  }

  #isKnown(page: ChannelPage): boolean {
    if (this.#known.size === 0) return false;
    const etag = this.#etagOf(page);
    return etag !== undefined && (this.#known.has(etag) || this.#known.has('*'));
  }
}

/** The validators of an `If-None-Match`, compared as weak ones: what compresses on the way makes them so. */
function validatorsIn(header: string | undefined): readonly string[] {
  return header === undefined ? [] : header.split(',').map((text) => text.trim().replace(/^W\//, ''));
}
