// `POST /v1/stream`: messages as server-sent events.

import type { Identity } from '../../auth/identity.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { decodeStreamRequest, MEDIA_TYPES } from '../../protocol/index.js';
import { requireRead } from '../clients/access.js';
import { StreamConnection } from '../clients/stream-link.js';
import type { NodeContext } from '../node-context.js';
import type { HttpCall } from './call.js';

const HEADERS = {
  'Content-Type': MEDIA_TYPES.eventStream,
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
} as const;

export class StreamEndpoint {
  readonly #context: NodeContext;

  constructor(context: NodeContext) {
    this.#context = context;
  }

  handle(call: HttpCall): void {
    call.authenticate((identity) => call.readJson((body) => this.#open(call, identity, body)));
  }

  #open(call: HttpCall, identity: Identity, body: string): void {
    const decoded = decodeStreamRequest(body);
    if (!decoded.ok) throw new FanfareError(decoded.problem.code, decoded.problem.message);
    requireRead(identity, decoded.value.channels.keys(), this.#context.options.namespaces);
    const nowMs = monotonicNowMs();
    this.#context.clients.see(identity, call, nowMs).reads.spend(decoded.value.channels.size / 10, nowMs);
    this.#context.requireRoom();
    if (call.exchange.aborted) return;
    const stream = new StreamConnection(this.#context, call.stream(HEADERS), identity);
    call.exchange.onAbort(() => stream.abandon());
    this.#context.claim(identity);
    stream.start(decoded.value);
  }
}
