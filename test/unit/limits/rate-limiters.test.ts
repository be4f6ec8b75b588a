// The five rate limit algorithms: what holds for all, and what makes each what it is.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, quotaOf, type RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';
import { createKeyedLimiter } from '../../../src/limits/keyed-limiter.js';
import { rateLimitHeaders } from '../../../src/limits/rate-limit-headers.js';

const CONFIGS: readonly RateLimitConfig[] = [
  { algorithm: 'token-bucket', perSecond: 20, burst: 40 },
  { algorithm: 'leaky-bucket', perSecond: 20, capacity: 40 },
  { algorithm: 'fixed-window', limit: 20, windowMs: 1_000 },
  { algorithm: 'sliding-window-log', limit: 20, windowMs: 1_000, countRefused: false },
  { algorithm: 'sliding-window-counter', limit: 20, windowMs: 1_000 },
];

/** Steps of a client: how long it waits, and what it then takes. */
const steps = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 300, max: 5_000 })),
    cost: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 15, noNaN: true })),
  }),
  { maxLength: 60 },
);
const START_MS = 1_800_000_000_123;

interface Taken {
  readonly atMs: number;
  readonly cost: number;
}

/** The most that was taken within any span of `spanMs`. */
function mostWithin(taken: readonly Taken[], spanMs: number): number {
  return Math.max(
    0,
    ...taken.map(({ atMs }) =>
      taken.filter((one) => one.atMs >= atMs && one.atMs < atMs + spanMs).reduce((sum, one) => sum + one.cost, 0),
    ),
  );
}

function play(config: RateLimitConfig, script: readonly { readonly waitMs: number; readonly cost: number }[]): Taken[] {
  const limiter = createRateLimiter(config);
  const taken: Taken[] = [];
  let atMs = START_MS;
  for (const { waitMs, cost } of script) {
    atMs += waitMs;
    if (limiter.take(cost, atMs).allowed) taken.push({ atMs, cost });
  }
  return taken;
}

describe.each(CONFIGS)('$algorithm', (config) => {
  it('lets through whoever waits as long as it was told', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const limiter = createRateLimiter(config);
        let atMs = START_MS;
        for (const { waitMs, cost } of script) {
          atMs += waitMs;
          const decision = limiter.take(cost, atMs);
          if (decision.allowed) {
            expect(decision.retryAfterMs).toBe(0);
            continue;
          }
          expect(decision.retryAfterMs).toBeGreaterThan(0);
          atMs += decision.retryAfterMs;
          expect(limiter.take(cost, atMs).allowed).toBe(true);
        }
      }),
    );
  });

  it('charges nothing for what it refuses', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const all = createRateLimiter(config);
        const twin = createRateLimiter(config);
        let atMs = START_MS;
        for (const { waitMs, cost } of script) {
          atMs += waitMs;
          if (all.take(cost, atMs).allowed) twin.take(cost, atMs);
          expect(all.take(0, atMs)).toEqual(twin.take(0, atMs));
        }
      }),
    );
  });

  it('says truly how much remains', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const limiter = createRateLimiter(config);
        let atMs = START_MS;
        for (const { waitMs, cost } of script) {
          atMs += waitMs;
          const { remaining } = limiter.take(cost, atMs);
          expect(limiter.take(remaining + 1.001, atMs).allowed).toBe(false);
          expect(limiter.take(remaining, atMs).allowed).toBe(true);
        }
      }),
    );
  });

  it('takes back what was taken and not needed, as if it had never been taken', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (script, part) => {
        const limiter = createRateLimiter(config);
        const twin = createRateLimiter(config);
        let atMs = START_MS;
        for (const { waitMs, cost } of script) {
          atMs += waitMs;
          if (!limiter.take(cost, atMs).allowed) continue;
          limiter.giveBack(cost * part, atMs);
          twin.take(cost * (1 - part), atMs);
          const [left, wanted] = [limiter.take(0, atMs), twin.take(0, atMs)];
          expect(Math.abs(left.remaining - wanted.remaining)).toBeLessThanOrEqual(1);
        }
        expect(limiter.take(20, atMs + 60_000).allowed).toBe(true);
        expect(limiter.take(41, atMs + 120_000).allowed).toBe(false);
      }),
    );
  });

  it('never holds more than its size, however late something is given back', () => {
    const limiter = createRateLimiter(config);
    const { quota, windowMs } = quotaOf(config);
    limiter.take(10, START_MS);
    limiter.giveBack(10, START_MS);
    limiter.take(10, START_MS);
    for (let n = 0; n < 3; n++) limiter.take(0, START_MS + (n + 1) * 2 * windowMs);
    limiter.giveBack(10, START_MS);
    expect(limiter.take(quota + 0.01, START_MS + 8 * windowMs).allowed).toBe(false);
    expect(limiter.take(quota, START_MS + 8 * windowMs).allowed).toBe(true);
    expect(limiter.take(1, START_MS + 8 * windowMs).allowed).toBe(false);
  });

  it('gives back at its rate for as long as it runs, not just once', () => {
    const limiter = createRateLimiter(config);
    const { quota, windowMs } = quotaOf(config);
    let taken = 0;
    const seconds = 60;
    for (let atMs = 0; atMs < seconds * 1_000; atMs += 10) if (limiter.take(1, START_MS + atMs).allowed) taken++;
    const fair = (quota / windowMs) * seconds * 1_000;
    // The sliding window counter's approximation costs a steady client up to one take per window.
    expect(taken).toBeGreaterThanOrEqual(fair * 0.95);
    expect(taken).toBeLessThanOrEqual(fair + quota + 1);
  });

  it('never allows a cost that is over its whole size, and says so', () => {
    const { quota } = quotaOf(config);
    expect(createRateLimiter(config).take(quota + 0.01, START_MS)).toMatchObject({
      allowed: false,
      retryAfterMs: Number.POSITIVE_INFINITY,
    });
  });

  it('is not harmed by a clock that goes back', () => {
    const limiter = createRateLimiter(config);
    const { quota } = quotaOf(config);
    expect(limiter.take(quota, START_MS).allowed).toBe(true);
    expect(limiter.take(1, START_MS - 60_000).allowed).toBe(false);
    expect(limiter.take(quota, START_MS + 10_000).allowed).toBe(true);
  });

  it.each([-1, Number.NaN])('refuses a cost of %d as misuse', (cost) => {
    expect(() => createRateLimiter(config).take(cost, START_MS)).toThrow(TypeError);
  });
});

describe('a bound holds for every client', () => {
  const bounds: readonly (readonly [RateLimitConfig, number, number])[] = [
    [{ algorithm: 'token-bucket', perSecond: 20, burst: 40 }, 1_000, 40 + 20],
    [{ algorithm: 'leaky-bucket', perSecond: 20, capacity: 5 }, 1_000, 5 + 20],
    [{ algorithm: 'fixed-window', limit: 20, windowMs: 1_000 }, 1_000, 40],
    [{ algorithm: 'sliding-window-log', limit: 20, windowMs: 1_000 }, 1_000, 20],
    [{ algorithm: 'sliding-window-counter', limit: 20, windowMs: 1_000 }, 1_000, 40],
  ];
  it.each(bounds)('%j: within any %d ms at most %d', (config, spanMs, most) => {
    fc.assert(
      fc.property(steps, (script) => {
        expect(mostWithin(play(config, script), spanMs)).toBeLessThanOrEqual(most + 1e-3);
      }),
    );
  });
});

describe('what tells them apart', () => {
  const take = (config: RateLimitConfig, times: readonly number[]) => {
    const limiter = createRateLimiter(config);
    return times.map((atMs) => limiter.take(1, atMs).allowed);
  };

  it('a token bucket lets a burst through, then its rate', () => {
    const config = { algorithm: 'token-bucket', perSecond: 10, burst: 3 } as const;
    expect(take(config, [0, 0, 0, 0, 99, 100, 150, 200])).toEqual([true, true, true, false, false, true, false, true]);
  });

  it('a token bucket owes what was used beyond what it had, and lets nothing through until that is back', () => {
    const limiter = createRateLimiter({ algorithm: 'token-bucket', perSecond: 20, burst: 40 });
    limiter.charge?.(100, START_MS);
    expect(limiter.take(0, START_MS)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 3_000 });
    expect(limiter.take(1, START_MS)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 3_050 });
    expect(limiter.take(0, START_MS + 3_000).allowed).toBe(true);
    expect(limiter.take(1, START_MS + 3_049).allowed).toBe(false);
    expect(limiter.take(1, START_MS + 3_050).allowed).toBe(true);
  });

  it('a token bucket owes no more than comes back within a minute', () => {
    const limiter = createRateLimiter({ algorithm: 'token-bucket', perSecond: 20, burst: 40 });
    for (let n = 0; n < 10; n++) limiter.charge?.(1_000_000, START_MS);
    expect(limiter.take(0, START_MS).retryAfterMs).toBe(60_000);
    expect(limiter.take(0, START_MS + 60_000).allowed).toBe(true);
  });

  it('a leaky bucket of capacity 1 spaces evenly', () => {
    const config = { algorithm: 'leaky-bucket', perSecond: 10 } as const;
    expect(take(config, [0, 0, 99, 100, 199, 200])).toEqual([true, false, false, true, false, true]);
  });

  it('a fixed window forgets all at its edge', () => {
    const config = { algorithm: 'fixed-window', limit: 2, windowMs: 1_000 } as const;
    expect(take(config, [998, 999, 999, 1_000, 1_001, 1_002])).toEqual([true, true, false, true, true, false]);
  });

  it('a sliding window log has no edge', () => {
    const config = { algorithm: 'sliding-window-log', limit: 2, windowMs: 1_000, countRefused: false } as const;
    expect(take(config, [998, 999, 1_000, 1_997, 1_998, 1_999])).toEqual([true, true, false, false, true, true]);
  });

  it('a sliding window log of many takes keeps a bounded number', () => {
    const config = { algorithm: 'sliding-window-log', limit: 5_000, windowMs: 1_000, countRefused: false } as const;
    const limiter = createRateLimiter(config);
    let taken = 0;
    for (let index = 0; index < 10_000; index++) if (limiter.take(1, index * 0.05).allowed) taken++;
    expect(taken).toBe(5_000);
    expect(limiter.take(1, 1_498).allowed).toBe(true);
  });

  it('a sliding window counter fades the last window out', () => {
    const limiter = createRateLimiter({ algorithm: 'sliding-window-counter', limit: 10, windowMs: 1_000 });
    expect(limiter.take(10, 500).allowed).toBe(true);
    expect(limiter.take(1, 1_000)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 100 });
    expect(limiter.take(5, 1_500)).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(limiter.take(10, 2_600).retryAfterMs).toBe(400);
  });

  it.each<RateLimitConfig>([
    { algorithm: 'token-bucket', perSecond: 0, burst: 1 },
    { algorithm: 'token-bucket', perSecond: 1, burst: Number.NaN },
    { algorithm: 'leaky-bucket', perSecond: -1 },
    { algorithm: 'fixed-window', limit: 1, windowMs: Number.POSITIVE_INFINITY },
    { algorithm: 'sliding-window-log', limit: 0, windowMs: 1 },
  ])('%j makes no limit', (config) => {
    expect(() => createRateLimiter(config)).toThrow(TypeError);
  });
});

describe('limits by key', () => {
  const config = { algorithm: 'token-bucket', perSecond: 1, burst: 1 } as const;

  it('are separate, and bounded in number', async () => {
    const limiter = createKeyedLimiter(config, 2);
    const taken = [];
    for (const key of ['a', 'a', 'b', 'c', 'a']) taken.push((await limiter.take(key, 1, 0)).allowed);
    expect(taken).toEqual([true, false, true, true, true]);
  });

  it('are forgotten once they have everything back, and not before, whoever else comes', () => {
    const limiter = createKeyedLimiter({ algorithm: 'fixed-window', limit: 1, windowMs: 60_000 });
    const [firstMs, endMs] = [1_200_000, 1_260_000];
    const kept = limiter.of('a', firstMs);
    expect(kept.take(1, firstMs).allowed).toBe(true);
    for (let n = 0; n < 20_000; n++) limiter.of(`idle${n}`, firstMs);
    expect(limiter.of('a', endMs - 1)).toBe(kept);
    expect(limiter.take('a', 1, endMs - 1).allowed).toBe(false);
    for (let n = 0; n < 20_000; n++) limiter.of(`later${n}`, endMs);
    expect(limiter.of('a', endMs)).not.toBe(kept);
    expect(limiter.take('a', 1, endMs).allowed).toBe(true);
  });

  it('of few clients are not made anew each time', () => {
    const limiter = createKeyedLimiter(config);
    const all = Array.from({ length: 1_000 }, (_, n) => limiter.of(`user${n}`, 0));
    expect(all.map((_, n) => limiter.of(`user${n}`, 60_000))).toEqual(all);
    expect(limiter.of('user7', 60_000)).toBe(all[7]);
  });

  it('are told in headers', () => {
    const decision = { allowed: false, remaining: 0, retryAfterMs: 1_200 };
    expect(rateLimitHeaders('connect', { algorithm: 'token-bucket', perSecond: 10, burst: 20 }, decision)).toEqual({
      RateLimit: '"connect";r=0;t=2',
      'RateLimit-Policy': '"connect";q=20;w=2',
    });
  });
});
