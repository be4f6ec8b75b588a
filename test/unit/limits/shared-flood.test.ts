// Four processes that share a limit, by a clock of the test's own: how much of a flood passes, however long the count takes to answer.

import { describe, expect, it } from 'vitest';
import type { RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';
import type { Lease, LeaseOrder } from '../../../src/limits/shared-limiter.js';
import { SharedLimits } from '../../../src/limits/shared-limits.js';
import { SubjectLimit } from '../../../src/limits/subject-limit.js';

const CONFIG: RateLimitConfig = { algorithm: 'sliding-window-counter', limit: 100, windowMs: 1_000 };
const START_MS = 1_000_000;

describe('four processes, one user, a thousand requests a second for ten seconds', () => {
  /** The count as Redis keeps it, with a clock of the test's own. */
  class Count {
    #startMs = 0;
    #used = 0;
    #last = 0;
    readonly #limit = 100;
    readonly #members = 4;

    lease(spent: number, wanted: number, nowMs: number): Lease {
      const startMs = Math.floor(nowMs / 1_000) * 1_000;
      if (startMs !== this.#startMs) {
        this.#last = startMs - this.#startMs === 1_000 ? this.#used : 0;
        this.#used = 0;
        this.#startMs = startMs;
      }
      this.#used = Math.max(0, this.#used + spent);
      const room = () => this.#limit - this.#used - this.#last * (1 - (nowMs - startMs) / 1_000);
      if (wanted === 0) return { granted: 0, remaining: 0, retryAfterMs: 0 };
      const granted = Math.max(0, Math.min(this.#limit / (4 * this.#members), Math.floor(room())));
      const retryAfterMs = room() < wanted ? Math.max(1, Math.ceil(this.#waitMs(wanted, nowMs - startMs))) : 0;
      this.#used += granted;
      return { granted, remaining: Math.max(0, Math.floor(room())), retryAfterMs };
    }

    #waitMs(units: number, elapsedMs: number): number {
      const free = this.#limit - this.#used - units;
      if (free >= 0) return 1_000 * (1 - free / this.#last) - elapsedMs;
      return 1_000 * (2 - (this.#limit - units) / this.#used) - elapsedMs;
    }
  }

  /** How many pass, where an answer of the count takes so long and each process asks so often. */
  function passingWith(roundTripMs: number, startMs: number, perSecond: number): number {
    const clock = { nowMs: startMs };
    let due: { readonly atMs: number; readonly run: () => void }[] = [];
    const count = new Count();
    /** Counted half way, and resolved when its time has come, in the same turn. */
    const store = {
      lease: ({ spent, wanted }: LeaseOrder) => {
        const sentMs = clock.nowMs;
        let resolved: (lease: Lease) => void = () => undefined;
        const counted = () => {
          const lease = count.lease(spent, wanted, clock.nowMs);
          due.push({ atMs: sentMs + roundTripMs, run: () => resolved(lease) });
        };
        due.push({ atMs: sentMs + roundTripMs / 2, run: counted });
        const then = (resolve: (lease: Lease) => void) => {
          resolved = resolve;
          return { catch: () => undefined };
        };
        return { then, catch: () => undefined } as unknown as Promise<Lease>;
      },
    };
    const limits = Array.from({ length: 4 }, () => {
      const shared = new SharedLimits(store, () => clock.nowMs);
      return new SubjectLimit({ name: 'publishes', by: ['user'], config: CONFIG, shared: true }, 10, shared);
    });
    let passed = 0;
    for (let n = 0; n < 10 * perSecond; n++) {
      clock.nowMs = startMs + (n * 1_000) / perSecond;
      const [now, later] = [
        due.filter(({ atMs }) => atMs <= clock.nowMs),
        due.filter(({ atMs }) => atMs > clock.nowMs),
      ];
      due = later;
      for (const { run } of now) run();
      try {
        limits[n % 4]?.spend({ user: 'anna' }, 1, clock.nowMs);
        passed++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited' });
      }
    }
    return passed;
  }

  describe.each([START_MS, START_MS + 437])('from %d on', (startMs) => {
    it.each([1, 5, 20, 200])('between 900 and 1,100 pass where Redis answers within %d ms', (roundTripMs) => {
      const passed = passingWith(roundTripMs, startMs, 1_000);
      expect(passed).toBeGreaterThanOrEqual(900);
      expect(passed).toBeLessThanOrEqual(1_100);
    });

    it.each([1, 20, 200])('all pass who keep to half the limit, where Redis answers within %d ms', (roundTripMs) => {
      expect(passingWith(roundTripMs, startMs, 50)).toBe(500);
    });
  });
});
