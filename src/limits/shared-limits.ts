// Limits that all processes of a cluster share: each spends leases of one count, and asks for more beside its requests, never before them.

import { steadyUnixMs } from '../lib/clocks.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import { quotaOf, type RateLimitConfig } from './create-rate-limiter.js';
import type { LocalKeyedLimiter } from './keyed-limiter.js';
import type { RateDecision, RateLimiter } from './rate-limiter.js';
import { type Lease, type LeaseOrder, SharedLimiter } from './shared-limiter.js';

/** Where the count is kept. */
export interface LeaseStore {
  /** Counts what was spent, or given back, and lends what is asked for. Rejects where that cannot be said. */
  lease(order: LeaseOrder): Promise<Lease>;
}

/** Specified: what nobody spends for so long is given back. */
const IDLE_MS = 1_000;
const SWEEP_EVERY_MS = 250;

/** Owner of every shared limit of a process; without a store each of them is the process's own. */
export class SharedLimits {
  /** Requests that passed because the count could not be asked. */
  failedOpen = 0;
  readonly #store: LeaseStore;
  readonly #clock: () => number;
  readonly #all = new Set<SharedKeyedLimiter>();
  #sweeper: PeriodicTask | undefined;

  constructor(store: LeaseStore, clock = steadyUnixMs) {
    this.#store = store;
    this.#clock = clock;
  }

  start(): void {
    this.#sweeper?.stop();
    this.#sweeper = periodically(SWEEP_EVERY_MS, () => this.sweep()).unref();
  }

  /** Gives back what is in hand, as far as that can be done. Idempotent. */
  close(): void {
    this.#sweeper?.stop();
    for (const limiter of this.#all) limiter.giveBackIdle(Number.POSITIVE_INFINITY);
  }

  /** Plain counters for metrics. */
  stats(): Readonly<Record<string, number>> {
    return { limitsFailedOpen: this.failedOpen };
  }

  /** One limit of the cluster; `name` tells it from others. */
  keyed(name: string, config: RateLimitConfig, maxKeys: number): LocalKeyedLimiter {
    const limiter = new SharedKeyedLimiter({
      name,
      config,
      maxKeys,
      store: this.#store,
      clock: this.#clock,
      failedOpen: () => void this.failedOpen++,
    });
    this.#all.add(limiter);
    return limiter;
  }

  /** Gives back what has not been spent for long. */
  sweep(): void {
    const idleSinceMs = this.#clock() - IDLE_MS;
    for (const limiter of this.#all) limiter.giveBackIdle(idleSinceMs);
  }
}

interface SharedKeyedLimiterParts {
  readonly name: string;
  readonly config: RateLimitConfig;
  readonly maxKeys: number;
  readonly store: LeaseStore;
  readonly clock: () => number;
  readonly failedOpen: () => void;
}

/** Subjects that have been asked for lately; beyond their bound the one asked for longest ago is forgotten, and its lease with it. */
class SharedKeyedLimiter implements LocalKeyedLimiter {
  readonly #parts: SharedKeyedLimiterParts;
  readonly #byKey = new Map<string, SharedLimiter>();

  constructor(parts: SharedKeyedLimiterParts) {
    this.#parts = parts;
  }

  take(key: string, cost: number, nowMs: number): RateDecision {
    return this.of(key).take(cost, nowMs);
  }

  of(key: string): RateLimiter {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const { name, config, maxKeys, store, clock, failedOpen } = this.#parts;
    if (this.#byKey.size >= maxKeys) this.#forgetOldest();
    const { quota, windowMs } = quotaOf(config);
    const lease = (order: Omit<LeaseOrder, 'subject' | 'config'>) =>
      store.lease({ ...order, config, subject: `${name}\n${key}` });
    const limiter = new SharedLimiter({ lease, quota, windowMs, clock, failedOpen });
    this.#byKey.set(key, limiter);
    return limiter;
  }

  /** Of those that were last asked before `sinceMs`. */
  giveBackIdle(sinceMs: number): void {
    for (const [key, limiter] of this.#byKey) {
      if (limiter.usedAtMs < sinceMs && limiter.release()) this.#byKey.delete(key);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#byKey.keys();
    if (oldest !== undefined) this.#byKey.delete(oldest);
  }
}
