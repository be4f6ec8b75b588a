// `POST /v1/publish`: messages from a backend with a publish key, or from a client with its ticket.

import type { FoundKey, PublishKeys } from '../../http/publish-keys.js';
import { FanfareError } from '../../lib/errors.js';
import {
  decodePublishRequest,
  type PublishFailure,
  type PublishItem,
  type PublishRequest,
  type PublishResponse,
  type PublishResults,
} from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import { sessionName } from '../clients/link-ids.js';
import type { PublishAnswer, Publisher, PublishOrder } from '../clients/publisher.js';
import { AnswerKind, type HttpCall, JSON_ANSWER, JSON_HEADERS } from './call.js';
import { decoded, type Entry, type EntryRules } from './entry.js';
import { isHeavierThan } from './publish-weight.js';

const PARTLY = new AnswerKind(207, JSON_HEADERS);
/** What stands around `data`: more than names and values of all fields that there are, and the names of channels. */
const MARKS_AROUND = 2_048;

const RULES: Omit<EntryRules<PublishRequest>, 'decode' | 'price'> = {
  limit: 'publishes',
  tokenMissing: 'Authorization: expected a publish key, a ticket or a token',
  takeOwed: () => undefined,
  source: 'body',
  reads: () => [],
  opens: () => false,
  takesRoom: false,
  holds: true,
};

export interface PublishDoorParts {
  readonly door: Pick<Admission, 'publishKey' | 'nowMs'>;
  readonly entry: Entry;
  readonly publisher: Publisher;
  /** Those of backends. */
  readonly keys: PublishKeys;
  /** Of `data`. */
  readonly maxMessageBytes: number;
}

export class PublishDoor {
  readonly #door: PublishDoorParts['door'];
  readonly #entry: Entry;
  readonly #publisher: Publisher;
  readonly #keys: PublishKeys;
  readonly #rules: EntryRules<PublishRequest>;

  constructor({ door, entry, publisher, keys, maxMessageBytes }: PublishDoorParts) {
    this.#door = door;
    this.#entry = entry;
    this.#publisher = publisher;
    this.#keys = keys;
    const maxMarks = maxMessageBytes + MARKS_AROUND;
    const decode = (body: string) => {
      if (!isHeavierThan(body, maxMarks)) return decodePublishRequest(body);
      throw new FanfareError(
        'payload_too_large',
        `a message has more members and items than "data" of ${maxMessageBytes} bytes can have`,
      );
    };
    const price = ({ items }: PublishRequest) => publisher.limits.general(items.map(({ channel }) => channel));
    this.#rules = { ...RULES, decode, price };
  }

  handle(call: HttpCall): void {
    const bearer = call.bearer();
    const key = bearer === undefined ? undefined : this.#keys.find(bearer);
    if (key !== undefined) return this.#publishForBackend(call, key);
    this.#entry.enter(call, this.#rules, ({ identity, keys, request }) => {
      const client = { identity, connection: sessionName(identity), keys };
      answer(call, request, this.#publisher.allForClient(client, ordersOf(request)));
    });
  }

  /** The first unit is paid before the body is read, like anybody's. */
  #publishForBackend(call: HttpCall, key: FoundKey): void {
    const { subject: publishKey } = key;
    const { publishKey: limit, nowMs } = this.#door;
    const heldAtMs = nowMs();
    limit.spend({ publishKey }, 1, heldAtMs);
    const publish = (body: string) => {
      const request = decoded(this.#rules.decode(body));
      limit.settle({ publishKey }, request.items.length, heldAtMs, nowMs());
      answer(call, request, this.#publisher.allForBackend(key, ordersOf(request)));
    };
    call.readJson(this.#entry.maxBodyBytes, publish, RULES.holds);
  }
}

function ordersOf({ items, waitReplicas }: PublishRequest): readonly PublishOrder[] {
  return waitReplicas === undefined ? items : items.map((item) => ({ ...item, waitReplicas }));
}

function answer(call: HttpCall, request: PublishRequest, published: Promise<readonly PublishAnswer[]>): void {
  published
    .then((outcomes) => {
      const [item, outcome] = [request.items[0], outcomes[0]];
      if (request.isBatch || item === undefined || outcome === undefined)
        return answerAll(call, request.items, outcomes);
      if ('error' in outcome) throw outcome.error;
      call.respondAs(JSON_ANSWER, JSON.stringify(resultOf(item, outcome)));
    })
    .catch((error: unknown) => call.fail(error));
}

/** Each for itself, in their order. */
function answerAll(call: HttpCall, items: readonly PublishItem[], outcomes: readonly PublishAnswer[]): void {
  const results = items.flatMap((item, index) => {
    const outcome = outcomes[index];
    return outcome === undefined ? [] : [resultOf(item, outcome)];
  });
  const isWhole = outcomes.every((outcome) => !('error' in outcome));
  call.respondAs(isWhole ? JSON_ANSWER : PARTLY, JSON.stringify({ results } satisfies PublishResults));
}

function resultOf({ channel }: PublishItem, outcome: PublishAnswer): PublishResponse | PublishFailure {
  if (!('error' in outcome)) return { channel, ...outcome };
  const { code, message, retryAfterMs, outcome: known } = outcome.error;
  return {
    channel,
    code,
    message,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(known !== undefined && { outcome: known }),
  };
}
