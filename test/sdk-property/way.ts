// A way by which a node tells a client of channels: a WebSocket, a stream, or a poll that waits.

import type { Begin } from '../../src/protocol/index.js';
import type { Random } from '../support/random.js';
import type { ChannelLog } from './channel-log.js';
import type { Faults } from './faults.js';
import type { WorldClock } from './world-clock.js';

/** What a way needs of the cluster. */
export interface Cluster {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly faults: Faults;
  /** Those that the cluster serves. */
  readonly ways: Set<Way>;
  /** What the client has open, and what it is. */
  readonly open: Map<object, string>;
  readonly broken: string[];
  log(channel: string): ChannelLog;
  /** Until when a ticket is good. */
  expiresAtMs(ticket: string | undefined): number;
  /** What was asked is answered in part: to ask for the rest is no loop. */
  hasMore(): void;
  store(body: Readonly<Record<string, unknown>>): string;
  /** A live-only message has come to a client that had nothing but this way since it was opened. */
  arrived(channel: string, data: unknown): void;
}

export interface Way {
  readonly node: string;
  /** Nothing else of the client's was open since it was. */
  isAlone: boolean;
  readonly isOpen: boolean;
  /** The channel's log has changed. */
  changed(channel: string): void;
  tell(channel: string, data: unknown): void;
  /** The node says again what it has said. */
  repeat(channel: string): void;
  /** The node takes a channel away. */
  withdraw(channel: string): void;
  move(): void;
  /** The network loses it. */
  lose(): void;
  /** Neither end hears anything more of the other, or that there is nothing more. */
  fallSilent(): void;
  /** The node ends it. */
  end(code: number, reason: string, retryAfterMs?: number): void;
}

/** Notes that the client has opened it. */
export const admit = ({ ways, open }: Cluster, way: Way, kind: string): void => {
  const others = [...open.keys()].filter((one): one is Way => 'isAlone' in one);
  way.isAlone = others.length === 0;
  for (const other of others) other.isAlone = false;
  ways.add(way);
  open.set(way, kind);
};

/** A node that was not asked for it refuses to begin so many messages before the tail. */
export const checkBegins = ({ broken }: Cluster, begins: unknown, features: unknown): void => {
  const isNeeded = Object.values(begins as Record<string, Begin>).some((begin) => typeof begin === 'object');
  if (isNeeded && !(features as readonly string[]).includes('positions'))
    broken.push('asked for the last of a node that does not know it');
};

/** A channel on a way: in which state of asking it is, and what has been said last. */
interface Seat {
  readonly serial: number;
  isIn: boolean;
  sent: string;
}

/** What a WebSocket and a stream share: channels that are followed, event by event. */
export abstract class Feed implements Way {
  isAlone = false;
  readonly seats = new Map<string, Seat>();
  protected readonly cluster: Cluster;
  readonly node: string;
  readonly #entered = new Set<string>();
  #serial = 0;

  constructor(cluster: Cluster, node: string) {
    this.cluster = cluster;
    this.node = node;
  }

  abstract isOpen: boolean;
  /** `arrived` is called when it has come to a page that still wants it. */
  protected abstract say(event: object, arrived?: () => void): void;
  abstract lose(): void;
  abstract end(code: number, reason: string, retryAfterMs?: number): void;

  fallSilent(): void {
    this.cluster.ways.delete(this);
  }

  /** Lets it into a channel, which takes a moment where nobody had it open. */
  protected attach(channel: string, begin: Begin, id?: number): void {
    const { random, faults, clock } = this.cluster;
    const seat: Seat = { serial: ++this.#serial, isIn: false, sent: '' };
    this.seats.set(channel, seat);
    const enter = () => {
      if (!this.cluster.ways.has(this) || this.seats.get(channel) !== seat) return;
      const log = this.cluster.log(channel);
      const { at, gap } = log.enter(begin);
      seat.isIn = true;
      seat.sent = at;
      this.say({ type: 'subscribed', ...(id && { id }), channel, offset: at, recovered: !gap });
      if (gap) this.say({ type: 'gap', channel, ...gap });
      this.changed(channel);
    };
    if (random.chance(faults.cold)) clock.world(random.below(faults.coldMs), enter);
    else enter();
  }

  changed(channel: string): void {
    const seat = this.seats.get(channel);
    if (!seat?.isIn) return;
    const log = this.cluster.log(channel);
    const { at, gap } = log.enter(seat.sent);
    if (gap) this.say({ type: 'gap', channel, ...gap });
    for (const { offset, data } of log.after(at)) this.say({ type: 'message', channel, offset, data });
    seat.sent = log.tail;
  }

  tell(channel: string, data: unknown): void {
    const seat = this.seats.get(channel);
    if (!seat?.isIn) return;
    const isFirst = !this.#entered.has(`${channel} again`) && seat.serial > 0;
    this.say({ type: 'message', channel, data }, () => {
      if (this.isAlone && isFirst) this.cluster.arrived(channel, data);
    });
  }

  /** What it has been asked for twice may be told to the wrong one: its live-only messages are owed to nobody. */
  protected askedFor(channel: string): void {
    if (this.#entered.has(channel)) this.#entered.add(`${channel} again`);
    this.#entered.add(channel);
  }

  repeat(channel: string): void {
    const { random } = this.cluster;
    const log = this.cluster.log(channel);
    const sent = this.seats.get(channel)?.isIn ? this.seats.get(channel)?.sent : undefined;
    if (!sent || log.hole(sent)) return;
    for (const { offset, data } of log.after(log.last(1 + random.below(4)))) {
      if (offset <= sent) this.say({ type: 'message', channel, offset, data });
    }
  }

  withdraw(channel: string): void {
    if (this.seats.delete(channel)) this.say({ type: 'unsubscribed', channel, code: 'forbidden_channel' });
  }

  move(): void {
    this.say({ type: 'move', withinMs: 5_000, reason: 'draining' });
  }
}
