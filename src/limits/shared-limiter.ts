// One subject of a shared limit in one process: it spends what it was lent, and passes on credit while more is asked for.

import { ALLOWANCE, checkCost, retryAfter } from './arithmetic.js';
import type { RateLimitConfig } from './create-rate-limiter.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';

/** What a process asks of the cluster's count. */
export interface LeaseOrder {
  /** Whose count: the limit and its subject. */
  readonly subject: string;
  readonly config: RateLimitConfig;
  /** Units that were spent on credit and count whatever is left; below 0: units of a lease that are given back. */
  readonly spent: number;
  /** Units that the next request needs; 0: nothing is wanted. */
  readonly wanted: number;
}

export interface Lease {
  /** Units that may be spent without asking; 0 where there are none, or leases are less than a unit. */
  readonly granted: number;
  /** Units that are left in the cluster's count, for headers. */
  readonly remaining: number;
  /** When what is wanted is there; 0: now. */
  readonly retryAfterMs: number;
}

export interface SharedLimiterParts {
  readonly lease: (order: Pick<LeaseOrder, 'spent' | 'wanted'>) => Promise<Lease>;
  /** The most that passes on credit. */
  readonly quota: number;
  readonly clock: () => number;
  /** Hears of each request that passed because nobody could be asked. */
  readonly failedOpen: () => void;
}

/** Chosen: an answer that takes longer is none. */
const PATIENCE_MS = 1_000;
/** Chosen: how often the count is asked while it is away. */
const PROBE_MS = 250;
/** Chosen: while it refuses, the count is asked again so often: it may have been lost. */
const ASK_AGAIN_MS = 1_000;
/** Chosen: what is told to wait who comes while a whole quota passed on credit; the answer is mostly here by then. */
const CREDIT_WAIT_MS = 100;

/** States: `lent` (units in hand), `on credit` (an order is under way), `refused` (until a moment), `open` (the count cannot be asked). */
export class SharedLimiter implements RateLimiter {
  usedAtMs = 0;
  readonly #parts: SharedLimiterParts;
  /** Units in hand; below 0: spent on credit and not yet counted. */
  #left = 0;
  #remaining: number;
  #refusedUntilMs = 0;
  /** The last order was not answered: everybody passes until one is. */
  #isAway = false;
  #lastAskMs = 0;
  /** When the order under way was sent. */
  #askedAtMs: number | undefined;

  constructor(parts: SharedLimiterParts) {
    this.#parts = parts;
    this.#remaining = parts.quota;
  }

  take(cost: number, nowMs: number): RateDecision {
    this.usedAtMs = nowMs;
    const decision = this.peek(cost, nowMs);
    if (!decision.allowed) {
      // Whoever refuses for long has to know that the count is still there.
      if (nowMs - this.#lastAskMs >= ASK_AGAIN_MS && Number.isFinite(decision.retryAfterMs)) this.#ask(cost, nowMs);
      return decision;
    }
    if (this.#isOpen(nowMs)) {
      this.#parts.failedOpen();
      if (nowMs - this.#lastAskMs >= PROBE_MS) this.#ask(1, nowMs);
      return decision;
    }
    this.#left -= cost;
    // Before the next one needs it.
    if (this.#left < 1) this.#ask(cost, nowMs);
    return { ...decision, remaining: this.#told() };
  }

  peek(cost: number, nowMs: number): RateDecision {
    checkCost(cost);
    if (cost > this.#parts.quota) return this.#refusal(Number.POSITIVE_INFINITY);
    const allowed = { allowed: true, remaining: this.#told(), retryAfterMs: 0 };
    if (cost <= this.#left + ALLOWANCE || this.#isOpen(nowMs)) return allowed;
    if (nowMs < this.#refusedUntilMs) return this.#refusal(retryAfter(this.#refusedUntilMs - nowMs));
    return cost - this.#left > this.#parts.quota ? this.#refusal(CREDIT_WAIT_MS) : allowed;
  }

  giveBack(units: number): void {
    this.#left += units;
  }

  charge(units: number, nowMs: number): void {
    checkCost(units);
    this.#left -= units;
    this.#ask(1, nowMs);
  }

  /** Gives back what is in hand; answers whether nothing is left to be remembered. */
  release(): boolean {
    if (this.#askedAtMs !== undefined) return false;
    const left = this.#left;
    this.#left = 0;
    if (Math.abs(left) > ALLOWANCE) this.#parts.lease({ spent: -left, wanted: 0 }).catch(() => undefined);
    return true;
  }

  #ask(cost: number, nowMs: number): void {
    if (this.#askedAtMs !== undefined) return;
    const isKnown = !this.#isAway && nowMs < this.#refusedUntilMs && this.#left >= 0;
    if (isKnown && nowMs - this.#lastAskMs < ASK_AGAIN_MS) return;
    this.#askedAtMs = nowMs;
    this.#lastAskMs = nowMs;
    const spent = Math.max(0, -this.#left);
    this.#parts.lease({ spent, wanted: Math.max(1, cost) }).then(
      (lease) => this.#receive(lease, spent),
      () => this.#fail(),
    );
  }

  #receive({ granted, remaining, retryAfterMs }: Lease, counted: number): void {
    this.#askedAtMs = undefined;
    this.#isAway = false;
    this.#left += counted + granted;
    this.#remaining = remaining;
    this.#refusedUntilMs = retryAfterMs > 0 ? this.#parts.clock() + retryAfterMs : 0;
  }

  /** What passed on credit is forgiven. */
  #fail(): void {
    this.#askedAtMs = undefined;
    if (this.#left < 0) this.#parts.failedOpen();
    this.#left = Math.max(0, this.#left);
    this.#isAway = true;
  }

  #isOpen(nowMs: number): boolean {
    const isHanging = this.#askedAtMs !== undefined && nowMs - this.#askedAtMs > PATIENCE_MS;
    return isHanging || this.#isAway;
  }

  #told(): number {
    return Math.max(0, Math.floor(Math.max(0, this.#left) + this.#remaining + ALLOWANCE));
  }

  #refusal(retryAfterMs: number): RateDecision {
    return { allowed: false, remaining: 0, retryAfterMs };
  }
}
