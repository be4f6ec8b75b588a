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

  it('has no more in hand after an outage, in which all pass and nothing is spent, than there was', async () => {
    const { asked, clock, limit, passing } = setUp();
    passing(1);
    await asked[0]?.fail();
    for (let n = 0; n < 1_000; n++) {
      clock.nowMs += 10;
      limit.spend({ user: 'anna' }, 1, clock.nowMs);
      limit.settle({ user: 'anna' }, 0.1, clock.nowMs, clock.nowMs);
      await asked.at(-1)?.fail();
    }
    clock.nowMs += 1_000;
    passing(1);
    await asked.at(-1)?.answer({ granted: 6, remaining: 0, retryAfterMs: 0 });
    expect(passing(500)).toBeLessThan(100);
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

  it('tells at once what it passed while it asked, and passes nothing else before that is answered', async () => {
    const { asked, clock, passing } = setUp();
    passing(10);
    await asked[0]?.answer({ retryAfterMs: 300 });
    expect(asked[1]?.order).toMatchObject({ spent: 9, wanted: 1 });
    clock.nowMs += 300;
    expect(passing(1)).toBe(0);
    await asked[1]?.answer({ retryAfterMs: 90 });
    expect(passing(1)).toBe(0);
    clock.nowMs += 90;
    expect(passing(1)).toBe(1);
  });

  it('passes no more on credit, once the count was empty, than the one that was promised', async () => {
    const { asked, clock, passing } = setUp();
    passing(1);
    await asked[0]?.answer({ retryAfterMs: 300 });
    clock.nowMs += 300;
    expect(passing(50)).toBe(1);
    expect(asked).toHaveLength(2);
    // What comes back meanwhile is in the answer.
    clock.nowMs += 200;
    expect(passing(50)).toBe(0);
    await asked[1]?.answer({ granted: 6 });
    expect(passing(50)).toBeGreaterThanOrEqual(6);
  });

  it('passes on credit its part of what was left, as the size of its lease tells how many ask', async () => {
    const { asked, passing } = setUp();
    passing(1);
    // A sixteenth: there are four.
    await asked[0]?.answer({ granted: 6.25, remaining: 40 });
    expect(passing(500)).toBe(16);
  });

  it('passes on credit what came back since it was told what was left, until it asks', async () => {
    const { asked, clock, passing } = setUp();
    passing(1);
    await asked[0]?.answer({ granted: 6.25, remaining: 0 });
    clock.nowMs += 100;
    expect(passing(500)).toBe(16);
  });

  it('passes at the next answer what is more than a lease, where the count has it', async () => {
    const { asked, limit, passing } = setUp();
    passing(1);
    await asked[0]?.answer({ granted: 6, remaining: 0 });
    passing(6);
    await asked[1]?.answer({ retryAfterMs: 10 });
    const large = () => limit.spend({ user: 'anna' }, 40, START_MS + 20);
    expect(large).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    expect(asked.at(-1)?.order).toMatchObject({ wanted: 40 });
    await asked.at(-1)?.answer({ granted: 6, remaining: 60 });
    expect(large).not.toThrow();
  });

  it('tells who is refused meanwhile when the answer will be there', async () => {
    const { asked, clock, limit, passing } = setUp();
    passing(1);
    clock.nowMs += 40;
    await asked[0]?.answer({ retryAfterMs: 300 });
    clock.nowMs += 300;
    passing(1);
    clock.nowMs += 10;
    expect(() => limit.spend({ user: 'anna' }, 1, clock.nowMs)).toThrow(expect.objectContaining({ retryAfterMs: 30 }));
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
