// Each algorithm against its definition: what passes, how much is left, and when the next passes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, quotaOf, type RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';
import { type Asked, fits, roomAt } from './reference.js';

const START_MS = 1_800_000_000_123;

const number = fc.integer({ min: 1, max: 30 });
const windowMs = fc.constantFrom(100, 1_000, 60_000);
const CONFIGS: readonly (readonly [string, fc.Arbitrary<RateLimitConfig>])[] = [
  ['token-bucket', fc.record({ algorithm: fc.constant('token-bucket'), perSecond: number, burst: number })],
  ['leaky-bucket', fc.record({ algorithm: fc.constant('leaky-bucket'), perSecond: number, capacity: number })],
  ['fixed-window', fc.record({ algorithm: fc.constant('fixed-window'), limit: number, windowMs })],
  [
    'sliding-window-log',
    fc.record({
      algorithm: fc.constant('sliding-window-log'),
      limit: number,
      windowMs,
      countRefused: fc.boolean(),
    }),
  ],
  ['sliding-window-counter', fc.record({ algorithm: fc.constant('sliding-window-counter'), limit: number, windowMs })],
];

/** Waits that meet the edges of windows often, costs of tenths up to more than fits. */
const waitMs = fc.oneof(fc.constantFrom(0, 1, 50, 99, 100, 999, 1_000), fc.integer({ min: 0, max: 3_000 }));
const cost = fc.oneof(
  fc.constant(1),
  fc.constant(1),
  fc.integer({ min: 0, max: 400 }).map((tenths) => tenths / 10),
);
const steps = fc.array(fc.record({ waitMs, cost }), { maxLength: 40 });

describe.each(CONFIGS)('%s', (_, configs) => {
  it('lets pass what its definition lets pass, and says how much is left', () => {
    fc.assert(
      fc.property(configs, steps, (config, script) => {
        const limiter = createRateLimiter(config);
        const history: Asked[] = [];
        let atMs = START_MS;
        for (const step of script) {
          atMs += step.waitMs;
          const wanted = fits(config, history, step.cost, atMs);
          expect(limiter.peek(step.cost, atMs).allowed).toBe(wanted);
          const { allowed, remaining } = limiter.take(step.cost, atMs);
          expect(allowed).toBe(wanted);
          history.push({ atMs, cost: step.cost, allowed });
          expect(remaining).toBe(Math.max(0, Math.floor(roomAt(config, history, atMs) + 1e-6)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tells the first millisecond at which what it refused passes, if nobody else takes', () => {
    fc.assert(
      fc.property(configs, steps, (config, script) => {
        const limiter = createRateLimiter(config);
        const history: Asked[] = [];
        let atMs = START_MS;
        for (const step of script) {
          atMs += step.waitMs;
          const { allowed, retryAfterMs } = limiter.take(step.cost, atMs);
          history.push({ atMs, cost: step.cost, allowed });
          if (allowed) continue;
          if (step.cost > quotaOf(config).quota) expect(retryAfterMs).toBe(Number.POSITIVE_INFINITY);
          else {
            expect(fits(config, history, step.cost, atMs + retryAfterMs)).toBe(true);
            // Rounding may make it one later.
            expect(retryAfterMs <= 2 || !fits(config, history, step.cost, atMs + retryAfterMs - 2)).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stands still with a clock that goes back, and survives one that leaps ahead', () => {
    const jumps = fc.array(fc.record({ jumpMs: fc.oneof(waitMs, fc.integer({ min: -100_000, max: 100_000 })), cost }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(configs, jumps, (config, script) => {
        const limiter = createRateLimiter(config);
        const history: Asked[] = [];
        let [clockMs, latestMs] = [START_MS, Number.NEGATIVE_INFINITY];
        for (const step of script) {
          clockMs += step.jumpMs;
          latestMs = Math.max(latestMs, clockMs);
          const { allowed, retryAfterMs } = limiter.take(step.cost, clockMs);
          expect(allowed).toBe(fits(config, history, step.cost, latestMs));
          history.push({ atMs: latestMs, cost: step.cost, allowed });
          if (step.cost <= quotaOf(config).quota) expect(Number.isFinite(retryAfterMs)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a sliding window log', () => {
  const limiter = (countRefused: boolean) =>
    createRateLimiter({ algorithm: 'sliding-window-log', limit: 5, windowMs: 1_000, countRefused });
  const passing = (countRefused: boolean, everyMs: number, forMs: number) => {
    const one = limiter(countRefused);
    let passed = 0;
    for (let atMs = 0; atMs < forMs; atMs += everyMs) if (one.take(1, START_MS + atMs).allowed) passed++;
    return passed;
  };

  it('shuts out who never stops asking, unless refused requests do not count', () => {
    expect(passing(true, 100, 10_000)).toBe(5);
    expect(passing(false, 100, 10_000)).toBe(50);
  });

  it('lets who asks no more than it may through for ever, refused or not', () => {
    expect(passing(true, 200, 10_000)).toBe(50);
  });

  it('counts nothing that was only looked at', () => {
    const one = limiter(true);
    for (let n = 0; n < 100; n++) one.peek(5, START_MS);
    expect(one.take(5, START_MS).allowed).toBe(true);
  });
});

describe('a sliding window log of many requests', () => {
  it('never lets more pass than its limit, although it keeps a bounded number', () => {
    const config = { algorithm: 'sliding-window-log', limit: 3_000, windowMs: 1_000, countRefused: false } as const;
    const limiter = createRateLimiter(config);
    const taken: number[] = [];
    for (let atMs = 0; atMs < 5_000; atMs += 0.25) if (limiter.take(1, START_MS + atMs).allowed) taken.push(atMs);
    for (let first = 0, next = 0; next < taken.length; next++) {
      while ((taken[next] ?? 0) - (taken[first] ?? 0) >= 1_000) first++;
      expect(next - first + 1).toBeLessThanOrEqual(3_000);
    }
    expect(taken.length).toBeGreaterThan(10_000);
  });
});
