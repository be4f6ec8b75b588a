// `GET|HEAD /v1/channels/{channel}`: one channel at a URL of its own, for caches, curl, EventSource and every HTTP client.

import type { PublishKey } from '../../config/key-list.js';
import type { Namespaces } from '../../config/namespaces.js';
import type { PublishKeys } from '../../http/publish-keys.js';
import type { PathParams } from '../../http/router.js';
import { steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { type ChannelRead, codeInfo, decodeChannelRead, isOffset, LIMITS, MEDIA_TYPES } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import type { Eraser } from '../channels/eraser.js';
import type { FollowUps } from '../clients/http-clients.js';
import { StreamLink, type StreamLinkParts } from '../clients/stream-link.js';
import type { HttpCall } from './call.js';
import { ChannelAnswer, holdsPosition } from './channel-answer.js';
import { backendReader, deleteHistory } from './channel-backend.js';
import { ChannelEvents, refusalOf } from './channel-events.js';
import type { Entrant, Entry, EntryRules } from './entry.js';
import { nextMark, waitUntil } from './live-cursor.js';
import type { PollDoor } from './poll.js';
import { type PollManner, type PollParts, PollTask } from './poll-task.js';
import { COMMENT, STREAM_HEADERS } from './stream.js';

/** Readers of several channels may share a ticket, and a reader needs a position to come back with; what no log keeps has none. */
const MANNER: PollManner = { replaces: false, opens: true, hearsLive: false, saysTail: true };
/** A channel's price in a poll. */
const PRICE = 1 / 10;
/** Chosen: about as long as the open protocol suggests; links that came together end apart. */
const STREAM_LIFE_MS = 55_000;
const STREAM_LIFE_SPREAD_MS = 10_000;
const GONE = 410;
const EVENT_HEADERS = {
  ...STREAM_HEADERS,
  'Cache-Control': 'no-store, no-cache, no-transform',
  'X-Content-Type-Options': 'nosniff',
} as const;

export interface ChannelDoorParts {
  readonly entry: Entry;
  /** Where reads wait with the polls. */
  readonly polls: Pick<PollDoor, 'shared'>;
  readonly streams: StreamLinkParts;
  readonly namespaces: Namespaces;
  /** Those of backends, who are not counted. */
  readonly keys: PublishKeys;
  readonly eraser: Eraser;
  readonly door: Pick<Admission, 'requireRoom' | 'requireGood'>;
}

type Shared = Omit<PollParts, 'manner' | 'writer'>;
type Reader = Entrant<ChannelRead>;

/** Headers of a request that are read later than they may be. */
interface Heads {
  readonly known: string | undefined;
  readonly lastEventId: string | undefined;
  /** It is an `EventSource`, or looks at events in the same way. */
  readonly hearsEvents: boolean;
}

/** A read of a channel is a poll or a stream of that channel, asked and answered in the words of HTTP. */
export class ChannelDoor {
  readonly #parts: ChannelDoorParts;
  readonly #shared: Shared;
  readonly #rules: Omit<EntryRules<ChannelRead>, 'decode'>;

  constructor(parts: ChannelDoorParts) {
    this.#parts = parts;
    this.#shared = parts.polls.shared;
    this.#rules = {
      limit: 'polls',
      takeOwed: (client) => {
        const { more } = client;
        client.more = undefined;
        return more;
      },
      source: 'query',
      reads: ({ channel }) => [channel],
      price: (read, owed) => (isOwed(read, owed) ? 0 : PRICE),
      opens: ({ live, begin }) => live !== undefined || !isOffset(begin),
      takesRoom: false,
      holds: false,
    };
  }

  /** What is public any page may read, and through any cache. */
  readonly isOpen = ({ channel = '' }: PathParams, method: string): boolean =>
    (method === 'GET' || method === 'HEAD') && this.#parts.namespaces.of(channel).public;

  handle(call: HttpCall, { channel = '' }: PathParams): void {
    const bearer = call.bearer();
    const key = bearer === undefined ? undefined : this.#parts.keys.find(bearer);
    if (call.exchange.method === 'DELETE') return this.#delete(call, key, channel);
    // Once it is let in, its headers are gone.
    const heads = headsOf(call);
    const decode = (query: string) => decodeChannelRead(channel, query, heads);
    if (heads.hearsEvents) call.failThrough((error) => tellsInStream(call, error));
    if (key !== undefined) return this.#answer(backendReader(call, key, decode), heads);
    this.#parts.entry.enter(call, { ...this.#rules, decode }, (reader) => this.#answer(reader, heads));
  }

  #delete(call: HttpCall, key: PublishKey | undefined, channel: string): void {
    if (key !== undefined) return deleteHistory(call, key, channel, this.#parts.eraser);
    if (call.bearer() === undefined) throw new FanfareError('token_missing', 'Authorization: expected a publish key');
    throw new FanfareError('forbidden', 'deleting takes a publish key with the right to delete');
  }

  #answer(reader: Reader, heads: Heads): void {
    const { call, request: read } = reader;
    const isHead = call.exchange.method === 'HEAD';
    if (read.live !== 'sse') return this.#poll(reader, heads, isHead);
    this.#parts.door.requireRoom();
    const begin = isHead ? () => call.respond(200, EVENT_HEADERS) : () => this.#streamLater(reader, heads);
    // Whoever reads a status and no events is told by it of a position that is not good.
    if (!heads.hearsEvents && holdsPosition(read.begin)) return this.#poll(reader, heads, false, begin);
    if (isHead) begin();
    else this.#stream(reader, heads);
  }

  /** `isGood` is called instead of an answer where the position is good. */
  #poll(reader: Reader, heads: Heads, isHead: boolean, isGood?: () => void): void {
    const { call, request: read } = reader;
    const namespace = this.#parts.namespaces.of(read.channel);
    const nowMs = steadyUnixMs();
    const waits = read.live === 'long-poll' && !isHead;
    const markMs = waits ? nextMark(read.channel, nowMs) : undefined;
    const writer = new ChannelAnswer(call, { read, namespace, known: heads.known, markMs, ...(isGood && { isGood }) });
    const request = {
      channels: new Map([[read.channel, read.begin]]),
      waitMs: markMs === undefined ? 0 : waitUntil(markMs, nowMs, Math.random),
      maxBytes: isGood === undefined ? LIMITS.maxPollAnswerBytes : 1,
    };
    new PollTask({ ...this.#shared, manner: MANNER, writer }, call, { ...reader, request }).start();
  }

  #streamLater(reader: Reader, heads: Heads): void {
    const { call, identity } = reader;
    try {
      if (call.exchange.aborted) return;
      this.#parts.door.requireGood(identity);
      this.#parts.door.requireRoom();
      this.#stream(reader, heads);
    } catch (error) {
      call.fail(error);
    }
  }

  #stream({ call, identity, keys, request: read }: Reader, { hearsEvents }: Heads): void {
    const { streams } = this.#parts;
    const seat = streams.counts.enter(identity, keys);
    const client = { identity, keys, seat, address: call.exchange.remoteAddress };
    const dialect = new ChannelEvents(read, hearsEvents);
    const link = new StreamLink(streams, call.stream(EVENT_HEADERS, COMMENT), client, dialect);
    call.exchange.onAbort(() => link.abandon());
    const lifeMs = STREAM_LIFE_MS + Math.random() * STREAM_LIFE_SPREAD_MS;
    link.start({ channels: new Map([[read.channel, read.begin]]), features: [] }, lifeMs);
  }
}

function headsOf({ exchange }: HttpCall): Heads {
  return {
    known: exchange.header('if-none-match'),
    lastEventId: exchange.header('last-event-id'),
    hearsEvents: asksForStream(exchange.query) && accepts(exchange.header('accept')),
  };
}

/** Asked before the query is decoded: what is wrong with it is told in the same way. */
function asksForStream(query: string): boolean {
  return new URLSearchParams(query).get('live') === 'sse';
}

function accepts(accept = ''): boolean {
  return accept.includes(MEDIA_TYPES.eventStream);
}

/** An `EventSource` is dead for good after any status but 200: what passes, it is told inside one. */
function tellsInStream(call: HttpCall, error: FanfareError): boolean {
  const { status, retry } = codeInfo(error.code);
  if (!(retry || status === GONE)) return false;
  call.respond(200, EVENT_HEADERS, refusalOf(error));
  return true;
}

/** Whether it goes on where the client's last answer left off with more. */
function isOwed({ channel, begin }: ChannelRead, owed: FollowUps | undefined): boolean {
  return owed !== undefined && owed.get(channel) === begin;
}
