// One user or address whose links the whole cluster counts, as one node knows it: its own links, and what it was told of the others'.

import { FanfareError } from '../lib/errors.js';
import { contained } from '../lib/timers.js';
import type { Code } from '../protocol/index.js';
import { LinkTally } from './link-tally.js';

/** Chosen: another of the links has to end before. */
const RETRY_AFTER_MS = 5_000;
/** Chosen: what is under way has been told by then. */
const SOON_MS = 500;

/** Whose link it is that may have to end. */
export interface SeatOwner {
  end(code: Code, reason: string, retryAfterMs?: number): void;
}

/** What one link has of a count of the cluster. */
export class Seat {
  readonly session: string;
  /** Set in the turn in which the seat was taken. */
  owner: SeatOwner | undefined;
  /** Whether it has been told of. */
  isSent = false;
  /** Whether it has been given back. */
  isGone = false;

  constructor(session: string, owner: SeatOwner | undefined) {
    this.session = session;
    this.owner = owner;
  }
}

/** What the limit says. */
export interface SharedBound {
  readonly max: number;
  readonly by: 'user' | 'address';
}

/** By what a link is let in. */
export interface SeatTerms {
  readonly bound: SharedBound;
  readonly share: number;
  /** Whether the others cannot be asked. */
  readonly isAway: boolean;
}

const WHO = { user: 'a user', address: 'an address' } as const;

/** What the subject is told that has too many links; `where` they are counted: absent, everywhere. */
export function tooMany({ max, by }: SharedBound, where = ''): FanfareError {
  return new FanfareError('too_many_connections', `${WHO[by]} has at most ${max} links${where}`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

export class SharedSubject {
  readonly name: string;
  /** Its name in the store. */
  readonly digest: string;
  readonly own = new LinkTally();
  /** When a link ended last. */
  leftAtMs = Number.NEGATIVE_INFINITY;
  /** The text that the store has of this node; `undefined` where that is not known. */
  told: string | undefined = '';
  /** Whether it is told again although nothing has changed here. */
  isAsked = false;
  #toldLinks = 0;
  #elsewhere = new LinkTally();
  #total = 0;
  /** Those of which no answer has been heard yet, oldest first. */
  #fresh: Seat[] = [];

  constructor(name: string, digest: string) {
    this.name = name;
    this.digest = digest;
  }

  /** Whether there is no room for another, as far as is known. */
  isFull(max: number): boolean {
    return this.#total >= max;
  }

  /** Whether it has more links here than has been told. */
  get hasGrown(): boolean {
    return this.own.links > this.#toldLinks;
  }

  /**
   * One more link. While the others' are not known nobody but this node's own count. Throws `too_many_connections`: soon to be tried
   * again where more has come at once than is let in without an answer, which is `share` of links that count and as many that replace one.
   */
  enter(session: string, owner: SeatOwner | undefined, { bound, share, isAway }: SeatTerms): Seat {
    const grows = this.#grows(session);
    if (isAway) {
      if (this.own.grows(session) && this.own.counted >= bound.max) throw tooMany(bound);
    } else {
      if (grows && this.isFull(bound.max)) throw tooMany(bound);
      if (this.own.links - this.#toldLinks >= (grows ? share : 2 * share)) throw tooManyAtOnce(bound);
    }
    const seat = new Seat(session, owner);
    this.own.add(session);
    if (grows) this.#total++;
    if (!isAway) this.#fresh.push(seat);
    return seat;
  }

  /** Idempotent. */
  leave(seat: Seat): void {
    if (seat.isGone) return;
    seat.isGone = true;
    this.own.remove(seat.session);
    // What grew the count by coming lessens it by going.
    if (this.#grows(seat.session)) this.#total--;
    const at = this.#fresh.indexOf(seat);
    if (at !== -1) this.#fresh.splice(at, 1);
  }

  /** What is sent now; {@link hear} is given it back with the answer. */
  telling(): Telling {
    this.isAsked = false;
    for (const seat of this.#fresh) seat.isSent = true;
    return { subject: this, links: this.own.text(), count: this.own.links };
  }

  /** The answer to a telling. Of those that have come since the last one, the newest end where there are too many. */
  hear({ links, count }: Telling, elsewhere: string, bound: SharedBound): void {
    this.told = links;
    this.#toldLinks = count;
    this.#elsewhere = new LinkTally();
    if (elsewhere !== '') for (const text of elsewhere.split(';')) this.#elsewhere.addText(text);
    this.#total = this.own.countedWith(this.#elsewhere);
    const { code, message, retryAfterMs } = tooMany(bound);
    for (const seat of this.#fresh.toReversed()) {
      if (this.#total <= bound.max) break;
      // One that replaces another of its session, and counts with it, would end in vain.
      if (this.#countsForNothing(seat)) continue;
      // Until its client has gone nobody else is to end for it.
      this.leave(seat);
      contained(() => seat.owner?.end(code, message, retryAfterMs));
    }
    this.#fresh = this.#fresh.filter(({ isSent }) => !isSent);
  }

  /** Those that have come stay: nobody can be told of them, or has to be. Answers how many. */
  settle(): number {
    return this.#fresh.splice(0).length;
  }

  #grows(session: string): boolean {
    return session === '' || this.#linksOf(session) !== 1;
  }

  /** Whether the other one of its session is to stay: of two that have both just come, both may have to end. */
  #countsForNothing({ session }: Seat): boolean {
    if (session === '' || this.#linksOf(session) !== 2) return false;
    return this.#fresh.filter((other) => other.session === session).length < 2;
  }

  #linksOf(session: string): number {
    return this.own.of(session) + this.#elsewhere.of(session);
  }
}

/** What one telling says of a subject. */
export interface Telling {
  readonly subject: SharedSubject;
  readonly links: string;
  readonly count: number;
}

function tooManyAtOnce({ by }: SharedBound): FanfareError {
  const message = `too many links of ${WHO[by]} came at once`;
  return new FanfareError('too_many_connections', message, { retryAfterMs: SOON_MS });
}
