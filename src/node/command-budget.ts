// The rate limit of one connection's commands or polls, and the patience with one that keeps on over the limit.

import { FanfareError } from '../lib/errors.js';
import type { RateLimiter } from '../limits/rate-limiter.js';

/** Refusals in a row after which a connection is closed. */
const PATIENCE = 200;

/** Made on a connection's first command. */
export class CommandBudget {
  readonly #limiter: RateLimiter;
  #refusedInRow = 0;

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /** Spends `cost` units. Throws `rate_limited` with `retryAfterMs` when there are not enough. */
  spend(cost: number, nowMs: number): void {
    const decision = this.#limiter.take(cost, nowMs);
    if (decision.allowed) {
      this.#refusedInRow = 0;
      return;
    }
    this.#refusedInRow++;
    const retryAfterMs = Math.max(1, Math.ceil(decision.retryAfterMs));
    throw new FanfareError('rate_limited', `over the rate limit; try again in ${retryAfterMs} ms`, { retryAfterMs });
  }

  /** Whether the connection has gone on for so long that it is to be closed. */
  get isExhausted(): boolean {
    return this.#refusedInRow > PATIENCE;
  }
}
