// `POST /v1/stream`: messages as server-sent events.

import { decodeStreamRequest, MEDIA_TYPES, type StreamRequest } from '../../protocol/index.js';
import { StreamLink, type StreamLinkParts } from '../clients/stream-link.js';
import type { HttpCall } from './call.js';
import { type Entry, type EntryRules, priceOf } from './entry.js';

export const STREAM_HEADERS = {
  'Content-Type': MEDIA_TYPES.eventStream,
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
} as const;
/** A line that readers skip, wherever events end. */
export const COMMENT = ':\n';

export class StreamDoor {
  readonly #entry: Entry;
  readonly #link: StreamLinkParts;
  readonly #rules: EntryRules<StreamRequest>;

  constructor(entry: Entry, link: StreamLinkParts) {
    this.#entry = entry;
    this.#link = link;
    const { channelsPerConnection } = link.terms.limits;
    this.#rules = {
      limit: 'polls',
      takeOwed: () => undefined,
      source: 'body',
      decode: decodeStreamRequest,
      reads: (request) => request.channels.keys(),
      price: (request) => priceOf(request.channels, channelsPerConnection),
      opens: () => true,
      takesRoom: true,
      holds: false,
    };
  }

  handle(call: HttpCall): void {
    this.#entry.enter(call, this.#rules, ({ identity, keys, request }) => {
      const seat = this.#link.counts.enter(identity, keys);
      const client = { identity, keys, seat, address: call.exchange.remoteAddress };
      const link = new StreamLink(this.#link, call.stream(STREAM_HEADERS, COMMENT), client);
      call.exchange.onAbort(() => link.abandon());
      link.start(request);
    });
  }
}
