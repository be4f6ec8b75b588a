// One limit by name, counted for each of its subjects, and the refusal that tells a client of it.

import { FanfareError } from '../lib/errors.js';
import type { RateLimitConfig } from './create-rate-limiter.js';
import { createKeyedLimiter, type LocalKeyedLimiter } from './keyed-limiter.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { RateDecision } from './rate-limiter.js';

/** Whom a limit counts, other than a single link. */
export type SubjectKind = 'ticket' | 'user' | 'address';

/** One client under the names by which limits count it; who has no name of a kind has another that stands for it. */
export type SubjectKeys = Readonly<Record<SubjectKind, string>>;

export interface Limit {
  /** As `RateLimit` headers tell it. */
  readonly name: string;
  readonly config: RateLimitConfig;
  /** Each of these has the whole limit for itself. */
  readonly by: readonly (SubjectKind | 'link')[];
}

/** Over a limit, with the headers that say so. */
export class RateLimited extends FanfareError {
  readonly headers: Readonly<Record<string, string>>;

  constructor({ name, config }: Limit, decision: RateDecision) {
    const retryAfterMs = Math.max(1, Math.ceil(decision.retryAfterMs));
    super('rate_limited', `over the rate limit; try again in ${retryAfterMs} ms`, { retryAfterMs });
    this.headers = rateLimitHeaders(name, config, decision);
  }
}

/** Keeps what is left for each subject in this process; links keep their own. */
export class SubjectLimit {
  readonly limit: Limit;
  readonly #byKind: readonly (readonly [SubjectKind, LocalKeyedLimiter])[];

  /** `maxKeys` bounds the subjects of each kind that are remembered. */
  constructor(limit: Limit, maxKeys?: number) {
    this.limit = limit;
    const kinds = limit.by.filter((kind) => kind !== 'link');
    this.#byKind = kinds.map((kind) => [kind, createKeyedLimiter(limit.config, maxKeys)]);
  }

  /**
   * Spends `cost` units of every subject; answers what is left for the last of them, `undefined` where none is counted. Throws
   * {@link RateLimited} at the first that has too few: those before it have paid all the same.
   */
  spend(keys: SubjectKeys, cost: number, nowMs: number): RateDecision | undefined {
    let decision: RateDecision | undefined;
    for (const [kind, limiter] of this.#byKind) {
      decision = limiter.take(keys[kind], cost, nowMs);
      if (!decision.allowed) throw new RateLimited(this.limit, decision);
    }
    return decision;
  }
}
