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
  /** The most that there ever is; also what passes on credit before anything is known. */
  readonly quota: number;
  /** In which a quota comes back. */
  readonly windowMs: number;
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
/** Chosen: what is told to wait who comes when no more passes on credit and no answer has told yet how long one takes. */
const CREDIT_WAIT_MS = 100;
/** A lease is at most a quota ÷ (so much × the processes that ask). */
const SHARE = 4;

/**
 * States: `lent` (units in hand), `on credit` (an order is under way), `refused` (until a moment), `open` (the count cannot be asked).
 *
 * What passes on credit is counted when the answer is there, and what is over the limit then is forgotten with its window: so no
 * more passes than this process's part of what was left at the last answer, and of what has come back until it asked. Of a count
 * that was empty it is what the answer promised for its time, a request. Measured without that bound, with four processes at ten
 * times the limit and answers that take 20 ms: 15 % too many.
 */
export class SharedLimiter implements RateLimiter {
  usedAtMs = 0;
  readonly #parts: SharedLimiterParts;
  /** Units in hand; below 0: spent on credit and not yet counted. */
  #left = 0;
  #remaining: number;
  #refusedUntilMs = 0;
  /** What may pass on credit, and since when more of it has been coming back. */
  #credit: number;
  #creditSinceMs = 0;
  #roundTripMs: number | undefined;
  /** The last order was not answered: everybody passes until one is. */
  #isAway = false;
  #lastAskMs = 0;
  /** When the order under way was sent. */
  #askedAtMs: number | undefined;

  constructor(parts: SharedLimiterParts) {
    this.#parts = parts;
    this.#remaining = parts.quota;
    this.#credit = parts.quota;
  }

  take(cost: number, nowMs: number): RateDecision {
    this.usedAtMs = nowMs;
    const decision = this.peek(cost, nowMs);
    if (!decision.allowed) {
      if (Number.isFinite(decision.retryAfterMs)) this.#ask(cost, nowMs);
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
    return cost <= this.#left + this.#creditAt(nowMs) + ALLOWANCE ? allowed : this.#refusal(this.#answerInMs(nowMs));
  }

  giveBack(units: number): void {
    // While nobody can be asked, nothing is spent.
    if (!this.#isOpen(this.#parts.clock())) this.#left = Math.min(this.#parts.quota, this.#left + units);
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
    // Whoever refuses for long has to know that the count is still there.
    if (isKnown && nowMs - this.#lastAskMs < ASK_AGAIN_MS) return;
    this.#askedAtMs = nowMs;
    this.#lastAskMs = nowMs;
    const spent = Math.max(0, -this.#left);
    const wanted = Math.max(1, cost);
    this.#parts.lease({ spent, wanted }).then(
      (lease) => this.#receive(lease, spent, wanted),
      () => this.#fail(),
    );
  }

  #receive({ granted, remaining, retryAfterMs }: Lease, counted: number, wanted: number): void {
    const nowMs = this.#parts.clock();
    this.#roundTripMs = nowMs - (this.#askedAtMs ?? nowMs);
    this.#askedAtMs = undefined;
    this.#isAway = false;
    this.#left += counted + granted;
    this.#remaining = remaining;
    const isRefused = retryAfterMs > 0;
    this.#refusedUntilMs = isRefused ? nowMs + retryAfterMs : 0;
    // What was asked for passes, now or when it was told.
    this.#credit = isRefused ? wanted : Math.max(wanted - granted, this.#partOf(remaining, granted));
    this.#creditSinceMs = nowMs + retryAfterMs;
    // What passed meanwhile is not in the count yet, by which others are told.
    if (this.#left < -ALLOWANCE) this.#ask(1, nowMs);
  }

  /** A lease of the full size says how many processes ask. */
  #partOf(remaining: number, granted: number): number {
    return granted === 0 ? remaining : Math.min(remaining, (remaining * SHARE * granted) / this.#parts.quota);
  }

  /** What comes back while an order is under way is in its answer. */
  #creditAt(nowMs: number): number {
    const { quota, windowMs } = this.#parts;
    const cameBackMs = Math.max(0, (this.#askedAtMs ?? nowMs) - this.#creditSinceMs);
    return Math.min(quota, this.#credit + (quota / windowMs) * cameBackMs);
  }

  #answerInMs(nowMs: number): number {
    if (this.#roundTripMs === undefined) return CREDIT_WAIT_MS;
    const leftMs = (this.#askedAtMs ?? nowMs) + this.#roundTripMs - nowMs;
    return leftMs > 0 ? retryAfter(leftMs) : CREDIT_WAIT_MS;
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
