// The subscriptions of one link: begun, begun again, ended, within their count.

import type { Identity } from '../../auth/identity.js';
import type { Namespaces } from '../../config/namespaces.js';
import type { Logger } from '../../lib/logger.js';
import { allItems, itemCount, itemNamed, type NamedItems, withItem, withoutItem } from '../../lib/named-items.js';
import { Turns } from '../../lib/turns.js';
import { BYTES_PER_UNIT } from '../../limits/byte-price.js';
import type { SubjectKeys, SubjectLimit } from '../../limits/subject-limit.js';
import type { Begin, ErrorEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { Channels } from '../channels/channels.js';
import type { Held } from '../channels/newest.js';
import { mayRead } from './access.js';
import type { Feed } from './feed.js';
import { createFeed, type FeedRules, type LinkLimiters } from './feed-rules.js';
import { errorEvent } from './link-events.js';
import { type Sink, Subscription } from './subscription.js';

/** Subscriptions of one link that may read the log at once: it bounds what a resume on every channel holds in memory. */
const MAX_READS = 4;

export interface SubscriptionsParts {
  readonly channels: Channels;
  readonly namespaces: Namespaces;
  readonly channelsPerConnection: number;
  /** Of {@link aheadBytesOf}. */
  readonly aheadBytes: number;
  /** Whoever reads what was missed pays for it, by its bytes. */
  readonly polls: Pick<SubjectLimit, 'charge' | 'spend'>;
  /** By which limits count. */
  readonly nowMs: () => number;
  /** Who is fed by itself. */
  readonly feeds: FeedRules;
  readonly logger: Logger;
}

/** A link that is delivered to, and that limits count when it reads. */
export interface Reader extends Sink {
  readonly keys: SubjectKeys;
  /** There once something is kept for it alone. */
  held?: Held;
}

/** Owned by one link; {@link endAll} gives back every channel. */
export class Subscriptions<Parts extends SubscriptionsParts = SubscriptionsParts, Owner extends Reader = Reader> {
  protected readonly parts: Parts;
  protected readonly link: Owner;
  /** By their channels. */
  #items: NamedItems<Subscription>;
  /** While some of them are pending. */
  #turns: Turns | undefined;
  #pending = 0;
  /** What the link has been sent, where that is limited. */
  #limiters: LinkLimiters | undefined;

  constructor(parts: Parts, link: Owner) {
    this.parts = parts;
    this.link = link;
  }

  get size(): number {
    return itemCount(this.#items);
  }

  /**
   * Subscribes to one channel and answers it, or refuses it with an `error` of its own. Resolves when answered; `undefined` when
   * that was at once, as most often, without a promise.
   */
  begin(
    identity: Identity,
    name: string,
    after: Begin,
    id: number | undefined,
    maxPerSecond?: number,
  ): Promise<void> | undefined {
    const existing = itemNamed(this.#items, name);
    if (existing !== undefined) return this.#repeat(existing, id);
    const refusal = this.#refusal(identity, name);
    if (refusal !== undefined) {
      this.link.sendEvent({ ...refusal, ...(id !== undefined && { id }), channel: name });
      return undefined;
    }
    let subscription: Subscription | undefined;
    try {
      subscription = this.#create(name, after, maxPerSecond);
      return subscription.beginsAtOnce(after, id) ? undefined : this.#catchUp(subscription, after, id);
    } catch (error) {
      this.#fail(name, subscription, error, id);
      return undefined;
    }
  }

  /** Whether there was such a subscription, pending or live. */
  endOn(name: string): boolean {
    const subscription = itemNamed(this.#items, name);
    if (subscription === undefined) return false;
    this.#items = withoutItem(this.#items, name);
    subscription.end();
    this.parts.channels.release(subscription.channel);
    return true;
  }

  endAll(): void {
    for (const { name } of [...allItems(this.#items)]) this.endOn(name);
  }

  /** Ends what `identity` may no longer read; answers the channels' names. */
  endForbidden(identity: Identity): readonly string[] {
    const names = [...allItems(this.#items)].map(({ name }) => name);
    const forbidden = names.filter((name) => !mayRead(identity, name, this.parts.namespaces));
    for (const name of forbidden) this.endOn(name);
    return forbidden;
  }

  /** Whether any of the channels has delivered something since `sinceMs`. */
  deliveredSince(sinceMs: number): boolean {
    if (this.parts.channels.traffic.deliveredAtMs <= sinceMs) return false;
    for (const { channel, isLive, isFed } of allItems(this.#items))
      if (isLive && !isFed && channel.deliveredAtMs > sinceMs) return true;
    return false;
  }

  /** Throws `overloaded` when the node has no room for another channel. */
  #create(name: string, after: Begin, maxPerSecond: number | undefined): Subscription {
    const channel = this.parts.channels.acquire(name, after);
    const subscription = new Subscription(channel, this.link, this.#feedOf(channel, maxPerSecond));
    this.#items = withItem(this.#items, subscription);
    return subscription;
  }

  #feedOf(channel: Channel, maxPerSecond: number | undefined): Feed | undefined {
    const { feeds, aheadBytes, channels } = this.parts;
    this.#limiters ??= new Map();
    const terms = feeds.termsOf(channel.name, maxPerSecond, this.#limiters);
    if (this.#limiters.size === 0) this.#limiters = undefined;
    if (terms === undefined) return undefined;
    const failed = (error: unknown) => this.#lose(channel, error);
    this.link.held ??= { bytes: 0 };
    const { held } = this.link;
    return createFeed(channel, { ...terms, sink: this.link, aheadBytes, held, slices: channels.slices, failed });
  }

  /** A feed can read no more. */
  #lose({ name }: Channel, error: unknown): void {
    const subscription = itemNamed(this.#items, name);
    if (subscription !== undefined) this.#fail(name, subscription, error, undefined);
  }

  async #catchUp(subscription: Subscription, after: Begin, id: number | undefined): Promise<void> {
    this.#turns ??= new Turns(MAX_READS);
    this.#pending++;
    try {
      const { aheadBytes, channels, polls, nowMs } = this.parts;
      const { slices } = channels;
      // A link that has closed is nobody's any more.
      const { keys } = this.link;
      const charge = (bytes: number) => polls.charge(keys, bytes / BYTES_PER_UNIT, nowMs());
      await subscription.begin(after, id, { turns: this.#turns, slices, aheadBytes, charge });
    } catch (error) {
      this.#fail(subscription.name, subscription, error, id);
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#turns = undefined;
    }
  }

  /** It cannot be opened or read: an `error` of its own, and others go on. */
  #fail(name: string, subscription: Subscription | undefined, error: unknown, id: number | undefined): void {
    if (itemNamed(this.#items, name) !== subscription) return;
    this.endOn(name);
    this.#tellFailure(name, error, id);
  }

  #tellFailure(name: string, error: unknown, id: number | undefined): void {
    this.link.sendEvent({ ...errorEvent(error, id, this.parts.logger), channel: name });
  }

  #refusal(identity: Identity, name: string): Pick<ErrorEvent, 'type' | 'code' | 'message'> | undefined {
    const { channelsPerConnection, namespaces } = this.parts;
    if (!mayRead(identity, name, namespaces)) {
      return { type: 'error', code: 'forbidden_channel', message: `the token does not grant reading ${name}` };
    }
    if (this.size < channelsPerConnection) return undefined;
    return {
      type: 'error',
      code: 'too_many_channels',
      message: `a connection has at most ${channelsPerConnection} channels`,
    };
  }

  /** Subscribing again is answered with where it is, or with what the first fails with. */
  async #repeat(existing: Subscription, id: number | undefined): Promise<void> {
    const { name } = existing.channel;
    try {
      await existing.settled;
    } catch (error) {
      return this.#tellFailure(name, error, id);
    }
    if (!existing.isLive) return;
    this.link.sendEvent({
      type: 'subscribed',
      ...(id !== undefined && { id }),
      channel: name,
      offset: existing.position,
      recovered: true,
    });
  }
}
