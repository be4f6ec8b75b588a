// One limit by name, counted for each of its subjects, and the refusal that tells a client of it.

import { FanfareError } from '../lib/errors.js';
import type { RateLimitConfig } from './create-rate-limiter.js';
import { createKeyedLimiter, type LocalKeyedLimiter } from './keyed-limiter.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { RateDecision } from './rate-limiter.js';

/** Whom a limit counts, other than a single link. */
export type SubjectKind = 'ticket' | 'user' | 'address' | 'publishKey' | 'channel';

/** One request under the names by which limits count it; a limit does not count what has no name of its kind. */
export type SubjectKeys = { readonly [kind in SubjectKind]?: string | undefined };

/** Of whom nothing is known. */
export const NO_KEYS: SubjectKeys = {};

export interface Limit {
  /** As `RateLimit` headers tell it. */
  readonly name: string;
  readonly config: RateLimitConfig;
  /** Each of these has the whole limit for itself; none: the limit is off. */
  readonly by: readonly (SubjectKind | 'link')[];
  /** What all links and tickets of one user have together; without it they have no bound together. */
  readonly together?: RateLimitConfig | undefined;
  /** Whether the cluster has one count, where there is a cluster. */
  readonly shared?: boolean;
}

/** Over a limit, with the headers that say so. */
export class RateLimited extends FanfareError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(name: string, config: RateLimitConfig, decision: RateDecision) {
    const retryAfterMs = Math.max(1, Math.ceil(decision.retryAfterMs));
    super('rate_limited', `${name}: over the rate limit; try again in ${retryAfterMs} ms`, { retryAfterMs });
    this.headers = rateLimitHeaders(name, config, decision);
  }
}

/** What to tell who was refused: waiting helps, or nothing does, since the limit is smaller than the cost. */
export function refusalOf(name: string, config: RateLimitConfig, cost: number, decision: RateDecision): FanfareError {
  if (Number.isFinite(decision.retryAfterMs)) return new RateLimited(name, config, decision);
  return new FanfareError('too_many_channels', `${name}: this costs ${cost} units, more than there ever are at once`);
}

/** One kind of subject, and what each of them has. */
interface Counter {
  readonly kind: SubjectKind;
  readonly config: RateLimitConfig;
  readonly limiter: LocalKeyedLimiter;
  /** Counts what has been counted by ticket once more. */
  readonly isTogether: boolean;
}

/** Makes limits of which the cluster has one count. */
export interface LimitSharing {
  keyed(name: string, config: RateLimitConfig, maxKeys: number): LocalKeyedLimiter;
}

/** Chosen, where nobody says how many subjects are remembered. */
const MAX_SHARED = 50_000;

/** Keeps what is left for each subject in this process; links keep their own. */
export class SubjectLimit {
  readonly limit: Limit;
  readonly #counters: readonly Counter[];

  /** `maxKeys` bounds the subjects of each kind that are remembered; without `sharing` every limit is this process's own. */
  constructor(limit: Limit, maxKeys?: number, sharing?: LimitSharing) {
    this.limit = limit;
    const isShared = limit.shared === true && sharing !== undefined;
    const counter = (kind: SubjectKind, config: RateLimitConfig, isTogether: boolean): Counter => ({
      kind,
      config,
      limiter: isShared
        ? sharing.keyed(`${limit.name} ${isTogether ? 'together' : kind}`, config, maxKeys ?? MAX_SHARED)
        : createKeyedLimiter(config, maxKeys),
      isTogether,
    });
    const each = limit.by.filter((kind) => kind !== 'link').map((kind) => counter(kind, limit.config, false));
    this.#counters = limit.together === undefined ? each : [...each, counter('user', limit.together, true)];
  }

  /** Whether anybody is counted by a name of this kind. */
  counts(kind: SubjectKind): boolean {
    return this.#counters.some((counter) => counter.kind === kind);
  }

  /**
   * Spends `cost` units of every subject, or of none; answers what is left for the last of them, `undefined` where none is
   * counted. Throws {@link RateLimited} where one has too few, with the time after which all of them have enough, and
   * `too_many_channels` where one never has. `asked` is what that time is for, where a part of it has been spent before.
   */
  spend(keys: SubjectKeys, cost: number, nowMs: number, asked = cost): RateDecision | undefined {
    let decision: RateDecision | undefined;
    for (const counter of this.#counters) {
      const key = keyOf(counter, keys);
      if (key === undefined) continue;
      decision = counter.limiter.take(key, cost, nowMs);
      if (!decision.allowed) this.#refuse(keys, cost, nowMs, asked, counter);
    }
    return decision;
  }

  /**
   * A unit was spent at `heldAtMs`, before it was known what is asked for: now it counts towards `cost`. What it is more than that
   * is given back, what it is less is spent; it stays spent where that is refused.
   */
  settle(keys: SubjectKeys, cost: number, heldAtMs: number, nowMs: number): void {
    if (cost > 1) this.spend(keys, cost - 1, nowMs, cost);
    if (cost >= 1) return;
    for (const counter of this.#counters) {
      const key = keyOf(counter, keys);
      if (key !== undefined) counter.limiter.of(key, nowMs).giveBack(1 - cost, heldAtMs);
    }
  }

  /**
   * Units that were used already, whatever is left: while they are owed, nothing is let through. Algorithms that know no debt have
   * taken from them what there is.
   */
  charge(keys: SubjectKeys, units: number, nowMs: number): void {
    for (const counter of this.#counters) {
      const key = keyOf(counter, keys);
      if (key === undefined) continue;
      const limiter = counter.limiter.of(key, nowMs);
      if (limiter.charge !== undefined) limiter.charge(units, nowMs);
      else limiter.take(Math.min(units, limiter.peek(0, nowMs).remaining), nowMs);
    }
  }

  /** Gives back what was taken before `refusing` refused, and throws what has the client wait for the slowest. */
  #refuse(keys: SubjectKeys, cost: number, nowMs: number, asked: number, refusing: Counter): never {
    let { config } = refusing;
    let longest: RateDecision = { allowed: false, remaining: 0, retryAfterMs: 0 };
    let hasPaid = true;
    for (const counter of this.#counters) {
      const key = keyOf(counter, keys);
      if (key === undefined) continue;
      const limiter = counter.limiter.of(key, nowMs);
      if (counter === refusing) hasPaid = false;
      if (hasPaid) limiter.giveBack(cost, nowMs);
      const decision = limiter.peek(asked, nowMs);
      if (!decision.allowed && decision.retryAfterMs > longest.retryAfterMs) {
        longest = decision;
        config = counter.config;
      }
    }
    throw refusalOf(this.limit.name, config, asked, longest);
  }
}

function keyOf({ kind, isTogether }: Counter, keys: SubjectKeys): string | undefined {
  const key = keys[kind];
  // Where one address is all that is known of a client, it has been counted.
  return isTogether && key === keys.ticket ? undefined : key;
}
