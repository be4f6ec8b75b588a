// Publishing on behalf of a client or a backend: permission, size, sender, and the scope of its key.

import type { Identity } from '../../auth/identity.js';
import type { BatchPublisher, Broker, Publication, PublishOutcome } from '../../broker/broker.js';
import { publishEach } from '../../broker/publish-each.js';
import type { Namespaces } from '../../config/namespaces.js';
import { FanfareError } from '../../lib/errors.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import type { Offset, PublishItem, Sender } from '../../protocol/index.js';
import { mayPublish } from './access.js';
import { sessionIn } from './link-ids.js';
import type { PublishLimits } from './publish-limits.js';

/** What is to be published. */
export interface PublishOrder extends PublishItem {
  /** A backend may ask for more replicas than the node does, a client not; fewer than the node's count as the node's. */
  readonly waitReplicas?: number;
}

/** Who publishes with a ticket. */
export interface PublishingClient {
  readonly identity: Identity;
  readonly connection: string;
  /** By which limits count it. */
  readonly keys: SubjectKeys;
}

/** What all messages of one publisher have. */
interface PublishTerms {
  /** Of its keys. */
  readonly scope: string;
  readonly from?: string;
}

const NO_OUTCOME: PublishOutcome = { error: new FanfareError('internal', 'a publish was not answered') };

export interface PublisherParts {
  readonly broker: Broker & Partial<BatchPublisher>;
  readonly namespaces: Namespaces;
  /** What messages are counted by once their channel is known. */
  readonly limits: PublishLimits;
  readonly maxMessageBytes: number;
  /** Replicas that must have everything that is published here. */
  readonly waitReplicas: number;
}

/** Publishes; every method throws what {@link Broker.publish} throws, and `forbidden`, `rate_limited` or `payload_too_large`. */
export class Publisher {
  readonly #parts: PublisherParts;
  published = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /**
   * For a client: its token must allow it, and its name is stamped on the message. It may not ask for more replicas than the
   * node does: while one publish waits for a replica, every other that waits on that master does.
   */
  async forClient(client: PublishingClient, order: PublishOrder): Promise<Offset> {
    const terms = this.#termsOf(client);
    this.#require(client, order);
    return this.#publish(order, terms);
  }

  /** What counts a message by its channel. */
  get limits(): PublishLimits {
    return this.#parts.limits;
  }

  /** Several, in their order; one outcome for each. Never rejects. */
  allForClient(client: PublishingClient, orders: readonly PublishOrder[]): Promise<readonly PublishOutcome[]> {
    return this.#publishAll(orders, this.#termsOf(client), (order) => this.#require(client, order));
  }

  /** As {@link allForClient}, for a backend that showed its publish key. */
  allForBackend(orders: readonly PublishOrder[]): Promise<readonly PublishOutcome[]> {
    return this.#publishAll(orders, { scope: 'b' }, ({ channel }) => this.limits.spend(undefined, channel));
  }

  #termsOf({ identity, connection }: PublishingClient): PublishTerms {
    const sender: Sender = { connection, user: identity.user };
    return { scope: `u:${keyScope(sender)}`, from: JSON.stringify(sender) };
  }

  /** Throws where the client may not, or not so often. */
  #require({ identity, keys }: PublishingClient, { channel, waitReplicas: wanted = 0 }: PublishOrder): void {
    if (!mayPublish(identity, channel, this.#parts.namespaces)) {
      const message = `the token does not grant publishing on ${channel}`;
      throw new FanfareError('forbidden', message, { channels: [channel] });
    }
    const { waitReplicas } = this.#parts;
    if (wanted <= waitReplicas) return this.limits.spend(keys, channel);
    const expected = `the token may ask for ${waitReplicas} at most, got ${wanted}`;
    const message = `"waitReplicas": ${expected}; a publish key may ask for more`;
    throw new FanfareError('forbidden', message, { channels: [channel] });
  }

  async #publish(order: PublishOrder, terms: PublishTerms): Promise<Offset> {
    const offset = await this.#parts.broker.publish(this.#publicationOf(order, terms));
    this.published++;
    return offset;
  }

  /** What is wrong with one concerns no other. */
  async #publishAll(
    orders: readonly PublishOrder[],
    terms: PublishTerms,
    require: (order: PublishOrder) => void,
  ): Promise<readonly PublishOutcome[]> {
    const asked = orders.map((order) => {
      try {
        require(order);
        return this.#publicationOf(order, terms);
      } catch (error) {
        if (error instanceof FanfareError) return error;
        throw error;
      }
    });
    const good = asked.filter((one): one is Publication => !(one instanceof FanfareError));
    const outcomes = good.length === 0 ? [] : await this.#store(good);
    let next = 0;
    const all = asked.map((one) => (one instanceof FanfareError ? { error: one } : (outcomes[next++] ?? NO_OUTCOME)));
    for (const outcome of all) if (!('error' in outcome) && outcome.duplicate !== true) this.published++;
    return all;
  }

  #store(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const { broker } = this.#parts;
    // Whether its key was used before is told by that alone; without one a single message costs less by itself.
    const isPlain = publications.length === 1 && publications[0]?.key === undefined;
    if (broker.publishMany !== undefined && !isPlain) return broker.publishMany(publications);
    return publishEach(async (publication) => ({ offset: await broker.publish(publication) }), publications);
  }

  #publicationOf({ channel, json, key, waitReplicas = 0 }: PublishOrder, { scope, from }: PublishTerms): Publication {
    const bytes = Buffer.byteLength(json);
    const { maxMessageBytes } = this.#parts;
    if (bytes > maxMessageBytes) {
      throw new FanfareError('payload_too_large', `"data" has ${bytes} bytes, the limit is ${maxMessageBytes}`);
    }
    return {
      channel,
      data: json,
      ...(key !== undefined && { key: `${scope}:${key}` }),
      ...(from !== undefined && { from }),
      waitReplicas: Math.max(waitReplicas, this.#parts.waitReplicas),
    };
  }
}

/**
 * Whose keys they are; without a name, of this session, whatever link it comes by. Base64url: the longest `sub` fits, and none
 * looks like another's.
 */
function keyScope({ user, connection }: Sender): string {
  return user === null ? `:${sessionIn(connection)}` : Buffer.from(user).toString('base64url');
}
