// `POST /v1/publish`: one message from a backend with a publish key, or from a client with its ticket.

import type { SecretKeys } from '../../http/bearer.js';
import { decodePublishRequest, type Offset, type PublishRequest, type PublishResponse } from '../../protocol/index.js';
import { sessionName } from '../clients/link-ids.js';
import type { Publisher } from '../clients/publisher.js';
import { type HttpCall, JSON_ANSWER } from './call.js';
import { decoded, type Entry, type EntryRules } from './entry.js';

const RULES: EntryRules<PublishRequest> = {
  limit: 'publishes',
  tokenMissing: 'Authorization: expected a publish key, a ticket or a token',
  takeOwed: () => undefined,
  decode: decodePublishRequest,
  reads: () => [],
  price: () => 1,
  takesRoom: false,
  holds: true,
};

export class PublishDoor {
  readonly #entry: Entry;
  readonly #publisher: Publisher;
  readonly #keys: SecretKeys;

  /** `keys` are those of backends, who are not counted. */
  constructor(entry: Entry, publisher: Publisher, keys: SecretKeys) {
    this.#entry = entry;
    this.#publisher = publisher;
    this.#keys = keys;
  }

  handle(call: HttpCall): void {
    const bearer = call.bearer();
    if (bearer !== undefined && this.#keys.has(bearer)) {
      const publish = (body: string) => {
        const request = decoded(decodePublishRequest(body));
        answer(call, request, this.#publisher.forBackend(request));
      };
      return call.readJson(this.#entry.maxBodyBytes, publish, RULES.holds);
    }
    this.#entry.enter(call, RULES, ({ identity, request }) => {
      answer(call, request, this.#publisher.forClient(identity, sessionName(identity), request));
    });
  }
}

function answer(call: HttpCall, { channel }: PublishRequest, published: Promise<Offset>): void {
  published
    .then((offset) => call.respondAs(JSON_ANSWER, JSON.stringify({ channel, offset } satisfies PublishResponse)))
    .catch((error: unknown) => call.fail(error));
}
