// A limit that a cluster shares, seen from one process: nobody waits for the count, and nobody is refused because it is away.

import { describe, expect, it } from 'vitest';
import type { RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';
import type { Lease, LeaseOrder } from '../../../src/limits/shared-limiter.js';
import { SharedLimits } from '../../../src/limits/shared-limits.js';
import { SubjectLimit } from '../../../src/limits/subject-limit.js';

const CONFIG: RateLimitConfig = { algorithm: 'sliding-window-counter', limit: 100, windowMs: 1_000 };
const START_MS = 1_000_000;

interface Asked {
  readonly order: LeaseOrder;
  answer(lease: Partial<Lease>): Promise<void>;
  fail(): Promise<void>;
}

/** A count that answers when the test says so. */
function setUp(config = CONFIG) {
  const asked: Asked[] = [];
  const clock = { nowMs: START_MS };
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const store = {
    lease: (order: LeaseOrder) =>
      new Promise<Lease>((resolve, reject) => {
        asked.push({
          order,
          answer(lease) {
            resolve({ granted: 0, remaining: 0, retryAfterMs: 0, ...lease });
            return settled();
          },
          fail() {
            reject(new Error('away'));
            return settled();
          },
        });
      }),
  };
  const shared = new SharedLimits(store, () => clock.nowMs);
  const limit = new SubjectLimit({ name: 'publishes', by: ['user'], config, shared: true }, 10, shared);
  /** How many of so many pass. */
  const passing = (count: number, user = 'anna') => {
    let passed = 0;
    for (let n = 0; n < count; n++) {
      try {
        limit.spend({ user }, 1, clock.nowMs);
        passed++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
      }
    }
    return passed;
  };
  return { asked, clock, shared, limit, passing };
}

describe('a shared limit', () => {
  it('passes on credit while it asks, once, and counts what it passed', async () => {
    const { asked, passing } = setUp();
    expect(passing(5)).toBe(5);
    expect(asked.map(({ order }) => [order.spent, order.wanted])).toEqual([[1, 1]]);
    await asked[0]?.answer({ granted: 25 });
    // Four that passed meanwhile come out of the lease.
    expect(passing(21)).toBe(21);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.order).toMatchObject({ spent: 0, wanted: 1 });
  });

  it('passes no more than a whole quota on credit', () => {
    const { passing } = setUp();
    expect(passing(500)).toBe(100);
  });

  it('refuses until the moment that it was told, without asking', async () => {
    const { asked, clock, passing } = setUp();
    passing(1);
    await asked[0]?.answer({ retryAfterMs: 300 });
    expect(passing(10)).toBe(0);
    expect(asked).toHaveLength(1);
    clock.nowMs += 300;
    expect(passing(1)).toBe(1);
    expect(asked).toHaveLength(2);
  });

  it('asks for what it owes before it passes anything else', async () => {
    const { asked, clock, passing } = setUp();
    passing(10);
    await asked[0]?.answer({ retryAfterMs: 300 });
    expect(passing(1)).toBe(0);
    clock.nowMs += 300;
    expect(passing(1)).toBe(1);
    // Nine of the first ten, and this one.
    expect(asked[1]?.order).toMatchObject({ spent: 10, wanted: 1 });
  });

  it('lets everybody pass while the count is away, says how many, and asks again', async () => {
    const { asked, clock, shared, passing } = setUp();
    passing(1);
    await asked[0]?.fail();
    expect(passing(500)).toBe(500);
    expect(shared.stats().limitsFailedOpen).toBe(501);
    clock.nowMs += 250;
    passing(1);
    expect(asked).toHaveLength(2);
    await asked[1]?.answer({ retryAfterMs: 1_000 });
    expect(passing(1)).toBe(0);
  });

  it('lets everybody pass while the count hangs, after a second', () => {
    const { clock, shared, passing } = setUp();
    expect(passing(200)).toBe(100);
    clock.nowMs += 1_001;
    expect(passing(200)).toBe(200);
    expect(shared.stats().limitsFailedOpen).toBe(200);
  });

  it('gives back what nobody spent for a second, and owes nothing then', async () => {
    const { asked, clock, shared, passing } = setUp();
    passing(1);
    await asked[0]?.answer({ granted: 25 });
    clock.nowMs += 999;
    shared.sweep();
    expect(asked).toHaveLength(1);
    clock.nowMs += 2;
    shared.sweep();
    expect(asked[1]?.order).toMatchObject({ spent: -25, wanted: 0 });
    shared.sweep();
    expect(asked).toHaveLength(2);
  });

  it('keeps subjects apart, and limits of other names', () => {
    const { asked, limit, shared, passing } = setUp();
    passing(1, 'anna');
    passing(1, 'ben');
    new SubjectLimit({ ...limit.limit, name: 'polls' }, 10, shared).spend({ user: 'anna' }, 1, START_MS);
    expect(new Set(asked.map(({ order }) => order.subject)).size).toBe(3);
  });

  it('never lets pass what is more than there ever is', () => {
    const { limit } = setUp();
    expect(() => limit.spend({ user: 'anna' }, 101, START_MS)).toThrow(
      expect.objectContaining({ code: 'too_many_channels' }),
    );
  });

  it('is the own of a process that has nobody to share it with', () => {
    const limit = new SubjectLimit({ name: 'publishes', by: ['user'], config: CONFIG, shared: true }, 10);
    let passed = 0;
    for (let n = 0; n < 300; n++) {
      const { remaining = -1 } = spending(limit) ?? {};
      if (remaining >= 0) passed++;
    }
    expect(passed).toBe(100);
  });
});

function spending(limit: SubjectLimit) {
  try {
    return limit.spend({ user: 'anna' }, 1, START_MS);
  } catch (error) {
    expect(error).toMatchObject({ code: 'rate_limited' });
    return undefined;
  }
}

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

  /** How many pass, where an answer of the count takes so long. */
  function passingWith(roundTripMs: number): number {
    const clock = { nowMs: START_MS };
    const due: { atMs: number; run: () => void }[] = [];
    const count = new Count();
    /** Resolved when its time has come, in the same turn. */
    const store = {
      lease: ({ spent, wanted }: LeaseOrder) => {
        const lease = count.lease(spent, wanted, clock.nowMs);
        const then = (resolve: (lease: Lease) => void) => {
          due.push({ atMs: clock.nowMs + roundTripMs, run: () => resolve(lease) });
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
    for (let n = 0; n < 10_000; n++) {
      clock.nowMs = START_MS + n;
      while (due[0] !== undefined && due[0].atMs <= clock.nowMs) due.shift()?.run();
      try {
        limits[n % 4]?.spend({ user: 'anna' }, 1, clock.nowMs);
        passed++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited' });
      }
    }
    return passed;
  }

  it.each([1, 2, 5])('between 900 and 1,100 pass where Redis answers within %d ms', (roundTripMs) => {
    const passed = passingWith(roundTripMs);
    expect(passed).toBeGreaterThanOrEqual(900);
    expect(passed).toBeLessThanOrEqual(1_100);
  });
});
