// `POST /v1/stream`: messages as server-sent events.

import { decodeStreamRequest, MEDIA_TYPES, type StreamRequest } from '../../protocol/index.js';
import { StreamLink, type StreamLinkParts } from '../clients/stream-link.js';
import type { HttpCall } from './call.js';
import type { Entry, EntryRules } from './entry.js';

const HEADERS = {
  'Content-Type': MEDIA_TYPES.eventStream,
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
} as const;

const RULES: EntryRules<StreamRequest> = {
  limit: 'reads',
  unit: 0,
  decode: decodeStreamRequest,
  reads: (request) => request.channels.keys(),
  price: (request) => request.channels.size / 10,
  takesRoom: true,
  claims: true,
};

export class StreamDoor {
  readonly #entry: Entry;
  readonly #link: StreamLinkParts;

  constructor(entry: Entry, link: StreamLinkParts) {
    this.#entry = entry;
    this.#link = link;
  }

  handle(call: HttpCall): void {
    this.#entry.enter(call, RULES, ({ identity, request }) => {
      const { remoteAddress } = call.exchange;
      const link = new StreamLink(this.#link, call.stream(HEADERS), identity, remoteAddress);
      call.exchange.onAbort(() => link.abandon());
      link.start(request);
    });
  }
}
