// `POST /v1/publish`: one message from a backend with a publish key, or from a client with its ticket.

import { createHash, timingSafeEqual } from 'node:crypto';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { decodePublishRequest, type PublishRequest, type PublishResponse } from '../../protocol/index.js';
import type { NodeContext } from '../node-context.js';
import type { HttpCall } from './call.js';

const digest = (text: string) => createHash('sha256').update(text).digest();

export class PublishEndpoint {
  readonly #context: NodeContext;
  readonly #keys: readonly Buffer[];

  constructor(context: NodeContext) {
    this.#context = context;
    this.#keys = context.options.publishKeys.map(digest);
  }

  handle(call: HttpCall): void {
    if (this.#isBackend(call.bearer())) {
      return this.#read(call, (request) => this.#context.publisher.forBackend(request));
    }
    call.authenticate((identity) => {
      if (identity.kind === 'anonymous') {
        return call.fail(
          new FanfareError('token_missing', 'Authorization: expected a publish key, a ticket or a token'),
        );
      }
      const connection = identity.connection ?? identity.tokenId ?? 'http';
      const nowMs = monotonicNowMs();
      this.#context.clients.see(identity, call, nowMs).publishes.spend(1, nowMs);
      this.#read(call, (request) => this.#context.publisher.forClient(identity, connection, request));
    });
  }

  #isBackend(bearer: string | undefined): boolean {
    if (bearer === undefined || this.#keys.length === 0) return false;
    const shown = digest(bearer);
    return this.#keys.some((key) => timingSafeEqual(key, shown));
  }

  #read(call: HttpCall, publish: (request: PublishRequest) => Promise<string>): void {
    call.readJson((body) => {
      const decoded = decodePublishRequest(body);
      if (!decoded.ok) throw new FanfareError(decoded.problem.code, decoded.problem.message);
      const { channel } = decoded.value;
      publish(decoded.value)
        .then((offset) => call.respondJson(JSON.stringify({ channel, offset } satisfies PublishResponse)))
        .catch((error: unknown) => call.fail(error));
    });
  }
}
