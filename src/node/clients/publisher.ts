// Publishing on behalf of a client or a backend: permission, size, sender, and the scope of its key.

import type { Identity } from '../../auth/identity.js';
import type { Broker } from '../../broker/broker.js';
import type { Namespaces } from '../../config/namespaces.js';
import { FanfareError } from '../../lib/errors.js';
import type { Offset, Sender } from '../../protocol/index.js';
import { mayPublish } from './access.js';
import { sessionIn } from './link-ids.js';

/** What is to be published. */
export interface PublishOrder {
  readonly channel: string;
  /** One JSON value, encoded. */
  readonly json: string;
  readonly key?: string;
  /** A backend may ask for more replicas than the node does, a client not; fewer than the node's count as the node's. */
  readonly waitReplicas?: number;
}

export interface PublisherParts {
  readonly broker: Broker;
  readonly namespaces: Namespaces;
  readonly maxMessageBytes: number;
  /** Replicas that must have everything that is published here. */
  readonly waitReplicas: number;
}

/** Publishes; every method throws what {@link Broker.publish} throws, and `forbidden` or `payload_too_large`. */
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
  async forClient(identity: Identity, connection: string, order: PublishOrder): Promise<Offset> {
    if (!mayPublish(identity, order.channel, this.#parts.namespaces)) {
      throw new FanfareError('forbidden', `the token does not grant publishing on ${order.channel}`, {
        channels: [order.channel],
      });
    }
    const { waitReplicas } = this.#parts;
    if (order.waitReplicas !== undefined && order.waitReplicas > waitReplicas) {
      const expected = `the token may ask for ${waitReplicas} at most, got ${order.waitReplicas}`;
      throw new FanfareError('forbidden', `"waitReplicas": ${expected}; a publish key may ask for more`, {
        channels: [order.channel],
      });
    }
    const sender: Sender = { connection, user: identity.user };
    return this.#publish(order, `u:${keyScope(sender)}`, JSON.stringify(sender));
  }

  /** For a backend that showed its publish key. */
  async forBackend(order: PublishOrder): Promise<Offset> {
    return this.#publish(order, 'b', undefined);
  }

  async #publish(order: PublishOrder, scope: string, from: string | undefined): Promise<Offset> {
    const bytes = Buffer.byteLength(order.json);
    const { broker, maxMessageBytes } = this.#parts;
    if (bytes > maxMessageBytes) {
      throw new FanfareError('payload_too_large', `"data" has ${bytes} bytes, the limit is ${maxMessageBytes}`);
    }
    const offset = await broker.publish({
      channel: order.channel,
      data: order.json,
      ...(order.key !== undefined && { key: `${scope}:${order.key}` }),
      ...(from !== undefined && { from }),
      waitReplicas: Math.max(order.waitReplicas ?? 0, this.#parts.waitReplicas),
    });
    this.published++;
    return offset;
  }
}

/**
 * Whose keys they are; without a name, of this session, whatever link it comes by. Base64url: the longest `sub` fits, and none
 * looks like another's.
 */
function keyScope({ user, connection }: Sender): string {
  return user === null ? `:${sessionIn(connection)}` : Buffer.from(user).toString('base64url');
}
