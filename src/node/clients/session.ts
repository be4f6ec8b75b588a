// What an admitted WebSocket client does: its commands, run and answered.

import { endsAtMs, type Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { SubjectKeys, SubjectLimit } from '../../limits/subject-limit.js';
import {
  type ClientCommand,
  type ConnectCommand,
  NOW,
  type PublishCommand,
  type RefreshCommand,
  type SubscribeCommand,
} from '../../protocol/index.js';
import { mayRead } from './access.js';
import type { LinkDoor } from './link-door.js';
import { errorEvent, expiry } from './link-events.js';
import type { Publisher } from './publisher.js';
import type { Sink } from './subscription.js';
import { Subscriptions, type SubscriptionsParts } from './subscriptions.js';

/** Commands of one connection that may be in flight. */
const MAX_IN_FLIGHT = 64;

/** A link that a session can watch closing. */
export interface SessionLink extends Sink {
  readonly isClosed: boolean;
  /** From now on it is never silent for longer than its heartbeat, and ends then by the system's clock; what is left out stays. */
  retime(times: { readonly heartbeatMs?: number; readonly endsAtMs?: number }): void;
}

export interface SessionParts {
  readonly subscriptions: SubscriptionsParts;
  readonly publisher: Publisher;
  readonly door: Pick<LinkDoor, 'identifyOnce' | 'requireGood' | 'count' | 'nowMs'>;
  /** What its client may spend, with whoever is counted with it. */
  readonly publishes: SubjectLimit;
  readonly openings: SubjectLimit;
  readonly logger: Logger;
}

/** Owned by its link; ends with it. */
export class Session {
  readonly #parts: SessionParts;
  readonly #link: SessionLink;
  readonly #connection: string;
  /** Of the ticket that it came with: another one gives it no other budget. */
  readonly #keys: SubjectKeys;
  #identity: Identity;
  #subscriptions: Subscriptions | undefined;
  #inFlight: Set<number> | undefined;

  constructor(parts: SessionParts, link: SessionLink, identity: Identity, connection: string, keys: SubjectKeys) {
    this.#parts = parts;
    this.#link = link;
    this.#identity = identity;
    this.#connection = connection;
    this.#keys = keys;
  }

  get identity(): Identity {
    return this.#identity;
  }

  run(command: Exclude<ClientCommand, ConnectCommand>): void {
    const { id } = command;
    if (this.#inFlight?.has(id)) return this.#fail(new FanfareError('duplicate_id', `id ${id} is still in use`), id);
    if ((this.#inFlight?.size ?? 0) >= MAX_IN_FLIGHT) {
      const message = `${MAX_IN_FLIGHT} commands are waiting for their answers`;
      return this.#fail(new FanfareError('rate_limited', message, { retryAfterMs: 1_000 }), id);
    }
    switch (command.type) {
      case 'subscribe':
        return this.#subscribe(command);
      case 'unsubscribe':
        return this.#unsubscribe(id, command.channels);
      case 'publish':
        return this.#track(id, this.#publish(command));
      case 'refresh':
        return this.#track(id, this.#refresh(command));
      case 'ping':
        return this.#link.sendEvent({ type: 'pong', id });
      case 'quiet':
        this.#link.retime({ heartbeatMs: command.heartbeatMs });
        return this.#link.sendEvent({ type: 'quieted', id, heartbeatMs: command.heartbeatMs });
      case 'presence': {
        const message = `${command.channel} keeps no presence`;
        return this.#fail(new FanfareError('forbidden', message, { channels: [command.channel] }), id);
      }
    }
  }

  /** Whether a live subscription has delivered something since `sinceMs`. */
  deliveredSince(sinceMs: number): boolean {
    return this.#subscriptions?.deliveredSince(sinceMs) ?? false;
  }

  end(): void {
    this.#subscriptions?.endAll();
  }

  #subscribe(command: SubscribeCommand): void {
    try {
      let waits: readonly Promise<void>[] = [];
      this.#link.cork(() => {
        waits = this.#beginAll(command);
      });
      if (waits.length > 0) this.#track(command.id, Promise.all(waits));
    } catch (error) {
      this.#fail(error, command.id);
    }
  }

  /** Answers what cannot be answered at once. */
  #beginAll({ channels, paces, id }: SubscribeCommand): readonly Promise<void>[] {
    // Who owes for what it has read reads no more; nothing is spent here.
    const reads = [...channels.values()].some((after) => after !== NOW);
    if (reads) this.#parts.subscriptions.polls.spend(this.#keys, 0, this.#parts.door.nowMs());
    this.#payOpenings(channels.keys());
    this.#subscriptions ??= new Subscriptions(this.#parts.subscriptions, this.#link, this.#keys);
    const waits: Promise<void>[] = [];
    for (const [name, after] of channels) {
      if (this.#link.isClosed) break;
      const wait = this.#subscriptions.begin(this.#identity, name, after, id, paces?.get(name));
      if (wait !== undefined) waits.push(wait);
    }
    return waits;
  }

  /** Throws `rate_limited` before any of them is opened. */
  #payOpenings(names: Iterable<string>): void {
    const { openings, subscriptions, door } = this.#parts;
    const { channels, namespaces } = subscriptions;
    let count = 0;
    for (const name of names) if (!channels.has(name) && mayRead(this.#identity, name, namespaces)) count++;
    if (count > 0) openings.spend(this.#keys, count, door.nowMs());
  }

  #unsubscribe(id: number, names: readonly string[]): void {
    for (const channel of names) {
      if (this.#subscriptions?.end(channel)) this.#link.sendEvent({ type: 'unsubscribed', id, channel });
      else this.#fail(new FanfareError('not_subscribed', `not subscribed to ${channel}`, { channels: [channel] }), id);
    }
  }

  async #publish(command: PublishCommand): Promise<void> {
    const { publishes, publisher, door } = this.#parts;
    const { id, channel } = command;
    const units = publisher.limits.general([channel]);
    if (units > 0) publishes.spend(this.#keys, units, door.nowMs());
    const client = { identity: this.#identity, connection: this.#connection, keys: this.#keys };
    const answer = await publisher.forClient(client, command);
    this.#link.sendEvent({ type: 'published', id, channel, ...answer });
  }

  async #refresh(command: RefreshCommand): Promise<void> {
    const fresh = await this.#parts.door.identifyOnce(command.token);
    if (this.#link.isClosed) return;
    this.#parts.door.requireGood(fresh);
    if (fresh.user !== this.#identity.user)
      throw new FanfareError('token_claim_invalid', 'sub: expected the same user');
    this.#identity = fresh;
    this.#link.retime({ endsAtMs: endsAtMs(fresh) });
    this.#link.sendEvent({ type: 'refreshed', id: command.id, ...expiry(fresh) });
    for (const channel of this.#subscriptions?.endForbidden(fresh) ?? []) {
      this.#link.sendEvent({ type: 'unsubscribed', channel, code: 'forbidden_channel' });
    }
  }

  /** Keeps `id` taken until `work` is done, and answers its failure. */
  #track(id: number, work: Promise<unknown>): void {
    this.#inFlight ??= new Set();
    this.#inFlight.add(id);
    void work.catch((error: unknown) => this.#fail(error, id)).finally(() => this.#settle(id));
  }

  #settle(id: number): void {
    this.#inFlight?.delete(id);
    if (this.#inFlight?.size === 0) this.#inFlight = undefined;
  }

  #fail(error: unknown, id: number): void {
    this.#parts.door.count(error);
    if (!this.#link.isClosed) this.#link.sendEvent(errorEvent(error, id, this.#parts.logger));
  }
}
