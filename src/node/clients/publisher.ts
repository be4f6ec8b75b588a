// Publishing on behalf of a client or a backend: permission, size, sender, and the scope of its key.

import type { Identity } from '../../auth/identity.js';
import type { BatchPublisher, Broker, Publication, PublishOutcome, Stored } from '../../broker/broker.js';
import { publishEach } from '../../broker/publish-each.js';
import type { PublishKey } from '../../config/key-list.js';
import type { Namespaces } from '../../config/namespaces.js';
import { requireKeyRight } from '../../http/publish-keys.js';
import { FanfareError } from '../../lib/errors.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import type { PublishItem, Sender } from '../../protocol/index.js';
import { mayPublish, mayPublishLive } from './access.js';
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
  readonly way: keyof Publisher['published'];
  /** Throws where it may not publish this. */
  require(order: PublishOrder): void;
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

/** What was handed to whoever listens now, and is kept by nobody. */
export interface Handed {
  readonly offset?: undefined;
}

/** How one of several publishes ended. */
export type PublishAnswer = PublishOutcome | Handed;

const HANDED: Handed = {};

/** Publishes for clients and backends. What is wrong with one message concerns no other. */
export class Publisher {
  readonly #parts: PublisherParts;
  /** Messages that it published, by the way in which they came. */
  readonly published = { websocket: 0, http: 0 };

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /**
   * For a client: its token must allow it, and its name is stamped on the message. It may not ask for more replicas than the
   * node does: while one publish waits for a replica, every other that waits on that master does. Throws what
   * {@link Broker.publish} throws, and `forbidden` or `payload_too_large`.
   */
  async forClient(client: PublishingClient, order: PublishOrder): Promise<Stored | Handed> {
    const [answer = NO_OUTCOME] = await this.#publishAll([order], this.#termsOf(client, 'websocket'));
    if ('error' in answer) throw answer.error;
    return answer;
  }

  /** What counts a message by its channel. */
  get limits(): PublishLimits {
    return this.#parts.limits;
  }

  /** Several by HTTP, in their order; one answer for each. Never rejects. */
  allForClient(client: PublishingClient, orders: readonly PublishOrder[]): Promise<readonly PublishAnswer[]> {
    return this.#publishAll(orders, this.#termsOf(client, 'http'));
  }

  /** As {@link allForClient}, for a backend that showed its publish key. */
  allForBackend(key: PublishKey, orders: readonly PublishOrder[]): Promise<readonly PublishAnswer[]> {
    const require = ({ channel }: PublishOrder) => {
      requireKeyRight(key, 'publish', channel);
      this.limits.spend(undefined, channel);
    };
    return this.#publishAll(orders, { scope: 'b', way: 'http', require });
  }

  #termsOf(client: PublishingClient, way: PublishTerms['way']): PublishTerms {
    const { identity, connection } = client;
    const sender: Sender = { connection, user: identity.user };
    const require = (order: PublishOrder) => this.#require(client, order);
    return { scope: `u:${keyScope(sender)}`, from: JSON.stringify(sender), way, require };
  }

  /** Throws where the client may not, or not so often. */
  #require({ identity, keys }: PublishingClient, order: PublishOrder): void {
    const { channel, history, waitReplicas: wanted = 0 } = order;
    const isLive = history === false;
    const may = isLive ? mayPublishLive(identity, channel) : mayPublish(identity, channel, this.#parts.namespaces);
    if (!may) {
      const message = `the token does not grant publishing ${isLive ? 'live ' : ''}on ${channel}`;
      throw new FanfareError('forbidden', message, { channels: [channel] });
    }
    const { waitReplicas } = this.#parts;
    if (wanted <= waitReplicas) return this.limits.spend(keys, channel);
    const expected = `the token may ask for ${waitReplicas} at most, got ${wanted}`;
    const message = `"waitReplicas": ${expected}; a publish key may ask for more`;
    throw new FanfareError('forbidden', message, { channels: [channel] });
  }

  async #publishAll(orders: readonly PublishOrder[], terms: PublishTerms): Promise<readonly PublishAnswer[]> {
    const logged: Publication[] = [];
    /** Channels of which one was refused for now: what stands behind it would come before it. */
    const limited = new Map<string, FanfareError>();
    const answers = orders.map(
      (order): ((stored: readonly PublishOutcome[]) => PublishAnswer | Promise<PublishAnswer>) => {
        try {
          const before = limited.get(order.channel);
          if (before !== undefined && order.history !== false) throw before;
          terms.require(order);
          const publication = this.#publicationOf(order, terms);
          if (order.history !== false) {
            const at = logged.push(publication) - 1;
            return (stored) => stored[at] ?? NO_OUTCOME;
          }
          const handed = this.#handOver(publication);
          return () => handed;
        } catch (error) {
          if (!(error instanceof FanfareError)) throw error;
          if (error.code === 'rate_limited' && order.history !== false) limited.set(order.channel, error);
          return () => ({ error });
        }
      },
    );
    const stored = logged.length === 0 ? [] : await this.#store(logged);
    const all = await Promise.all(answers.map((of) => of(stored)));
    for (const one of all) if (!('error' in one || 'duplicate' in one)) this.published[terms.way]++;
    return all;
  }

  /** Never rejects. */
  async #handOver({ channel, data }: Publication): Promise<PublishAnswer> {
    try {
      await this.#parts.broker.publishLive(channel, data);
      return HANDED;
    } catch (error) {
      if (error instanceof FanfareError) return { error };
      return { error: new FanfareError('internal', 'a publish failed', { cause: error }) };
    }
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
