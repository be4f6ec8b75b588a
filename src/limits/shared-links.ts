// The links of each user, or address, at all nodes of a cluster, counted beside what they do: a node lets in, tells the others, and hears.

import { createHash } from 'node:crypto';
import { steadyUnixMs } from '../lib/clocks.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import { after } from '../lib/timers.js';
import { LinkShard, type LinkStore } from './link-shard.js';
import { type Seat, type SeatOwner, type SharedBound, SharedSubject } from './shared-subject.js';

/** Chosen: what comes meanwhile is told in one call. */
const FLUSH_MS = 50;
/** Chosen: a tenth of how long the store believes a node that is silent. */
const BEAT_MS = 1_000;
/** Chosen: as many keys, which a Redis Cluster spreads over its masters. */
export const LINK_SHARDS = 8;

export interface SharedLinksParts {
  readonly store: LinkStore;
  readonly bound: SharedBound;
  readonly clock?: () => number;
}

/** Owner of the count of one limit at one node. */
export class SharedLinks {
  /** Links that were let in while the count could not be asked. */
  failedOpen = 0;
  readonly bound: SharedBound;
  readonly #clock: () => number;
  readonly #shards: readonly LinkShard[];
  /** Those that have links here, or had until the store was told. */
  readonly #byName = new Map<string, { readonly subject: SharedSubject; readonly shard: LinkShard }>();
  #beats: PeriodicTask | undefined;
  #flusher: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ store, bound, clock = steadyUnixMs }: SharedLinksParts) {
    this.bound = bound;
    this.#clock = clock;
    const shard = (index: number) =>
      new LinkShard({
        ...{ index, bound, store, clock },
        answered: () => this.#flushSoon(),
        forget: ({ name }) => void this.#byName.delete(name),
        failedOpen: (links) => {
          this.failedOpen += links;
        },
      });
    this.#shards = Array.from({ length: LINK_SHARDS }, (_, index) => shard(index));
  }

  start(): void {
    this.#beats?.stop();
    this.#beats = periodically(BEAT_MS, () => this.beat()).unref();
    this.beat();
  }

  /** Tells the others that its links have ended, as far as that can be done. Idempotent. */
  close(): void {
    this.#beats?.stop();
    clearTimeout(this.#flusher);
    if (!this.#isClosed) for (const shard of this.#shards) shard.leave();
    this.#isClosed = true;
  }

  /**
   * One more link of a subject: `session` is `''` where it has none, `owner` is ended where the answer says that the link is one too
   * many. It is owed one {@link leave}. Throws `too_many_connections`.
   */
  enter(name: string, session: string, owner?: SeatOwner): Seat {
    const known = this.#byName.get(name) ?? this.#make(name);
    const { subject, shard } = known;
    const isAway = shard.isAway(this.#clock());
    try {
      const terms = { bound: this.bound, share: shard.share, isAway };
      const seat = subject.enter(sessionText(session), owner, terms);
      this.#byName.set(name, known);
      if (isAway) this.failedOpen++;
      return seat;
    } catch (error) {
      // There may be room, by what the others tell now.
      subject.isAsked = true;
      throw error;
    } finally {
      if (this.#byName.has(name)) shard.touch(subject);
      this.#flushSoon();
    }
  }

  /** Idempotent. */
  leave(name: string, seat: Seat): void {
    const known = this.#byName.get(name);
    if (known === undefined || seat.isGone) return;
    known.subject.leave(seat);
    known.subject.leftAtMs = this.#clock();
    known.shard.touch(known.subject);
    this.#flushSoon();
  }

  /** What its timer does: tells that the node lives, and asks again where there is no room. */
  beat(): void {
    for (const shard of this.#shards) shard.beat();
  }

  /** What its timer does: tells what has changed. */
  flush(): void {
    this.#flusher = undefined;
    for (const shard of this.#shards) shard.flush();
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flusher !== undefined || this.#isClosed || !this.#shards.some(({ isWaiting }) => isWaiting)) return;
    this.#flusher = after(FLUSH_MS, () => this.flush());
    this.#flusher.unref();
  }

  #make(name: string): { readonly subject: SharedSubject; readonly shard: LinkShard } {
    const hash = createHash('sha256').update(`${this.bound.by}\n${name}`).digest();
    const shard = this.#shards[(hash[0] ?? 0) % LINK_SHARDS];
    if (shard === undefined) throw new RangeError('there are as many shards');
    // A subject may be any text of any length.
    return { subject: new SharedSubject(name, hash.toString('base64url').slice(0, 22)), shard };
  }
}

/** As it is told: a session's name is a short word wherever discovery has made it. */
function sessionText(session: string): string {
  if (/^[\w-]{0,32}$/.test(session)) return session;
  return createHash('sha256').update(session).digest('base64url').slice(0, 22);
}
