// What an admitted WebSocket client does: its commands, run and answered.

import type { Identity } from '../../auth/identity.js';
import { KeptIdentity } from '../../auth/kept-identity.js';
import { FanfareError } from '../../lib/errors.js';
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
import type { LinkIds } from './link-ids.js';
import type { Publisher } from './publisher.js';
import { type Reader, Subscriptions, type SubscriptionsParts } from './subscriptions.js';
import { namelessSubject, userSubject } from './visitor.js';

/** Commands of one connection that may be in flight. */
const MAX_IN_FLIGHT = 64;

/** A link that a session can watch closing. */
export interface SessionLink extends Reader {
  readonly isClosed: boolean;
  /** What limits count it by, where they may have to. */
  readonly address: string | undefined;
  /** From now on it is never silent for longer than `heartbeatMs`, left out: as before; and its identity may end at another time. */
  retime(heartbeatMs?: number): void;
}

export interface SessionParts extends SubscriptionsParts {
  readonly ids: Pick<LinkIds, 'idOf' | 'markOf'>;
  readonly publisher: Publisher;
  readonly door: Pick<LinkDoor, 'identifyOnce' | 'requireGood' | 'count'>;
  /** What its client may spend, with whoever is counted with it. */
  readonly publishes: SubjectLimit;
  readonly openings: SubjectLimit;
}

/**
 * Owned by its link; ends with it. Its subscriptions and the names by which limits count it are parts of it and no objects beside it:
 * a node has tens of thousands.
 */
export class Session extends Subscriptions<SessionParts, SessionLink> implements SubjectKeys {
  readonly #number: number;
  readonly #ticket: string | undefined;
  #identity: Identity;
  #inFlight: Set<number> | undefined;

  /** `number` is that of its link's id. */
  constructor(parts: SessionParts, link: SessionLink, identity: Identity, number: number) {
    super(parts, link);
    this.#identity = identity;
    this.#ticket = identity.connection;
    this.#number = number;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Whoever entered as a link, whatever its tickets have said since. */
  get entered(): Pick<Identity, 'user' | 'connection'> {
    return { user: this.#identity.user, connection: this.#ticket };
  }

  /** Its link's id. */
  get connection(): string {
    return this.parts.ids.idOf(this.#number, this.#ticket);
  }

  // By what limits count it.

  /**
   * With a ticket it counts with all others of that, and with the one that it came with: another one gives it no other budget. A token may
   * be that of several clients, so that a link with one counts by itself and with its user.
   */
  get ticket(): string {
    return this.#ticket ?? `link:${this.parts.ids.markOf(this.#number)}`;
  }

  /** Where no address is known, who has no name is not counted by it. */
  get user(): string | undefined {
    const { user } = this.#identity;
    if (user !== null) return userSubject(user);
    return this.address === undefined ? undefined : namelessSubject(this.address);
  }

  get address(): string | undefined {
    return this.link.address;
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
        return this.link.sendEvent({ type: 'pong', id });
      case 'quiet':
        this.link.retime(command.heartbeatMs);
        return this.link.sendEvent({ type: 'quieted', id, heartbeatMs: command.heartbeatMs });
      case 'presence': {
        const message = `${command.channel} keeps no presence`;
        return this.#fail(new FanfareError('forbidden', message, { channels: [command.channel] }), id);
      }
    }
  }

  #subscribe(command: SubscribeCommand): void {
    try {
      let waits: readonly Promise<void>[] = [];
      this.link.cork(() => {
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
    if (reads) this.parts.polls.spend(this, 0, this.parts.nowMs());
    this.#payOpenings(channels.keys());
    const waits: Promise<void>[] = [];
    for (const [name, after] of channels) {
      if (this.link.isClosed) break;
      const wait = this.begin(this.#identity, name, after, id, paces?.get(name));
      if (wait !== undefined) waits.push(wait);
    }
    return waits;
  }

  /** Throws `rate_limited` before any of them is opened. */
  #payOpenings(names: Iterable<string>): void {
    const { openings, channels, namespaces, nowMs } = this.parts;
    let count = 0;
    for (const name of names) if (!channels.has(name) && mayRead(this.#identity, name, namespaces)) count++;
    if (count > 0) openings.spend(this, count, nowMs());
  }

  #unsubscribe(id: number, names: readonly string[]): void {
    for (const channel of names) {
      if (this.endOn(channel)) this.link.sendEvent({ type: 'unsubscribed', id, channel });
      else this.#fail(new FanfareError('not_subscribed', `not subscribed to ${channel}`, { channels: [channel] }), id);
    }
  }

  async #publish(command: PublishCommand): Promise<void> {
    const { publishes, publisher, nowMs } = this.parts;
    const { id, channel } = command;
    const units = publisher.limits.general([channel]);
    if (units > 0) publishes.spend(this, units, nowMs());
    const client = { identity: this.#identity, connection: this.connection, keys: this };
    const answer = await publisher.forClient(client, command);
    this.link.sendEvent({ type: 'published', id, channel, ...answer });
  }

  async #refresh(command: RefreshCommand): Promise<void> {
    const fresh = await this.parts.door.identifyOnce(command.token);
    if (this.link.isClosed) return;
    this.parts.door.requireGood(fresh);
    if (fresh.user !== this.#identity.user)
      throw new FanfareError('token_claim_invalid', 'sub: expected the same user');
    this.#identity = new KeptIdentity(fresh);
    this.link.retime();
    this.link.sendEvent({ type: 'refreshed', id: command.id, ...expiry(fresh) });
    for (const channel of this.endForbidden(fresh)) {
      this.link.sendEvent({ type: 'unsubscribed', channel, code: 'forbidden_channel' });
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
    this.parts.door.count(error);
    if (!this.link.isClosed) this.link.sendEvent(errorEvent(error, id, this.parts.logger));
  }
}
