// The rate limit of one connection's commands, polls or publishes, and the patience with one that keeps on over the limit.

import { FanfareError } from '../../lib/errors.js';
import { createRateLimiter, type RateLimitConfig } from '../../limits/create-rate-limiter.js';
import { rateLimitHeaders } from '../../limits/rate-limit-headers.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';

/** Chosen: refusals, less what passed meanwhile, after which a connection is closed. */
const PATIENCE = 200;

/** A limit by name, as `RateLimit` headers tell it. */
export interface NamedLimit {
  readonly name: string;
  readonly config: RateLimitConfig;
}

/** Over the limit, with the headers that say so. */
export class RateLimited extends FanfareError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(retryAfterMs: number, headers: Readonly<Record<string, string>>) {
    super('rate_limited', `over the rate limit; try again in ${retryAfterMs} ms`, { retryAfterMs });
    this.headers = headers;
  }
}

/** Made on a connection's first command. */
export class CommandBudget {
  readonly #limit: NamedLimit;
  readonly #limiter: RateLimiter;
  #refusals = 0;

  constructor(limit: NamedLimit) {
    this.#limit = limit;
    this.#limiter = createRateLimiter(limit.config);
  }

  /** Spends `cost` units. Throws {@link RateLimited} when there are not enough. */
  spend(cost: number, nowMs: number): void {
    const decision = this.#limiter.take(cost, nowMs);
    if (decision.allowed) {
      // Not forgotten at once: under a flood as many pass as the limit allows.
      if (this.#refusals > 0) this.#refusals--;
      return;
    }
    this.#refusals++;
    const { name, config } = this.#limit;
    throw new RateLimited(Math.max(1, Math.ceil(decision.retryAfterMs)), rateLimitHeaders(name, config, decision));
  }

  /** Whether the connection has gone on for so long that it is to be closed. */
  get isExhausted(): boolean {
    return this.#refusals > PATIENCE;
  }
}
