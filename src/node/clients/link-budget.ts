// What one link has left of its rate limit, and the patience with one that keeps on over it.

import { createRateLimiter } from '../../limits/create-rate-limiter.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';
import { type Limit, RateLimited } from '../../limits/subject-limit.js';

/** Chosen: refusals, less what passed meanwhile, after which a link is closed. */
const PATIENCE = 200;

/** Made on a link's first command. */
export class LinkBudget {
  readonly #limit: Limit;
  readonly #limiter: RateLimiter;
  #refusals = 0;

  constructor(limit: Limit) {
    this.#limit = limit;
    this.#limiter = createRateLimiter(limit.config);
  }

  /** Spends `cost` units. Throws {@link RateLimited} when there are not enough. */
  spend(cost: number, nowMs: number): void {
    const decision = this.#limiter.take(cost, nowMs);
    if (!decision.allowed) {
      this.#refusals++;
      throw new RateLimited(this.#limit, decision);
    }
    // Not forgotten at once: under a flood as many pass as the limit allows.
    if (this.#refusals > 0) this.#refusals--;
  }

  /** Whether the link has gone on for so long that it is to be closed. */
  get isExhausted(): boolean {
    return this.#refusals > PATIENCE;
  }
}
