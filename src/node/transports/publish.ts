// `POST /v1/publish`: one message from a backend with a publish key, or from a client with its ticket.

import type { SecretKeys } from '../../http/bearer.js';
import { hasMoreMarks } from '../../http/json-body.js';
import { FanfareError } from '../../lib/errors.js';
import { decodePublishRequest, type Offset, type PublishRequest, type PublishResponse } from '../../protocol/index.js';
import { sessionName } from '../clients/link-ids.js';
import type { Publisher } from '../clients/publisher.js';
import { type HttpCall, JSON_ANSWER } from './call.js';
import { decoded, type Entry, type EntryRules } from './entry.js';

/** What stands around `data`: more than names, commas and colons of all fields that there are. */
const MARKS_AROUND = 1_024;

const RULES: Omit<EntryRules<PublishRequest>, 'decode'> = {
  limit: 'publishes',
  tokenMissing: 'Authorization: expected a publish key, a ticket or a token',
  takeOwed: () => undefined,
  reads: () => [],
  price: () => 1,
  takesRoom: false,
  holds: true,
};

export class PublishDoor {
  readonly #entry: Entry;
  readonly #publisher: Publisher;
  readonly #keys: SecretKeys;
  readonly #rules: EntryRules<PublishRequest>;

  /** `keys` are those of backends, who are not counted; `maxMessageBytes` bounds `data`. */
  constructor(entry: Entry, publisher: Publisher, keys: SecretKeys, maxMessageBytes: number) {
    this.#entry = entry;
    this.#publisher = publisher;
    this.#keys = keys;
    const maxMarks = maxMessageBytes + MARKS_AROUND;
    const decode = (body: string) => {
      if (!hasMoreMarks(body, maxMarks)) return decodePublishRequest(body);
      throw new FanfareError(
        'payload_too_large',
        `the body has more members and items than "data" of ${maxMessageBytes} bytes can have`,
      );
    };
    this.#rules = { ...RULES, decode };
  }

  handle(call: HttpCall): void {
    const bearer = call.bearer();
    if (bearer !== undefined && this.#keys.has(bearer)) {
      const publish = (body: string) => {
        const request = decoded(this.#rules.decode(body));
        answer(call, request, this.#publisher.forBackend(request));
      };
      return call.readJson(this.#entry.maxBodyBytes, publish, RULES.holds);
    }
    this.#entry.enter(call, this.#rules, ({ identity, request }) => {
      answer(call, request, this.#publisher.forClient(identity, sessionName(identity), request));
    });
  }
}

function answer(call: HttpCall, { channel }: PublishRequest, published: Promise<Offset>): void {
  published
    .then((offset) => call.respondAs(JSON_ANSWER, JSON.stringify({ channel, offset } satisfies PublishResponse)))
    .catch((error: unknown) => call.fail(error));
}
