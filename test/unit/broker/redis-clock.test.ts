// Redis' clock as a node knows it: what lies ahead of it, and how often it is asked for.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RedisClock } from '../../../src/broker/redis/redis-clock.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { formatOffset } from '../../../src/protocol/index.js';

const NOW_MS = 1_800_000_000_000;
const TOLERANCE_MS = 2_000;
const OLD = formatOffset(NOW_MS - 60_000, 1);
const at = (ms: number) => formatOffset(ms, 1);

/** By how much each master's clock is off. */
let offMs: number[] = [];
let asked = 0;
let clock: RedisClock;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  asked = 0;
  const startedAtMs = performance.now();
  const master = (n: number) => ({
    time: async () => {
      asked++;
      const ms = NOW_MS + performance.now() - startedAtMs + (offMs[n] ?? 0);
      return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000];
    },
  });
  // Stands in for clients of Redis, of which nothing but `time` is asked.
  const connection = { client: master(0), cluster: { nodes: () => [master(0), master(1)] } } as never;
  clock = new RedisClock({ connection, toleranceMs: TOLERANCE_MS, logger: silentLogger });
});
afterEach(() => {
  clock.stop();
  vi.useRealTimers();
});

it('has nothing ahead before it is known, and then what lies beyond the tolerance, of the master that is furthest ahead', async () => {
  offMs = [0, 500];
  expect(clock.isAhead('9999999999999-0000000000000001', OLD)).toBe(false);
  await clock.start();
  expect(clock.isAhead(at(NOW_MS + TOLERANCE_MS + 500), OLD)).toBe(false);
  expect(clock.isAhead(at(NOW_MS + TOLERANCE_MS + 510), OLD)).toBe(true);
  vi.advanceTimersByTime(1_000);
  expect(clock.isAhead(at(NOW_MS + TOLERANCE_MS + 510), OLD)).toBe(false);
});

it('lets the millisecond after a predecessor pass, however far that is ahead', async () => {
  offMs = [0, 0];
  await clock.start();
  const ahead = NOW_MS + 3_600_000;
  expect(clock.isAhead(at(ahead + 1), at(ahead))).toBe(false);
  expect(clock.isAhead(at(ahead + 2), at(ahead))).toBe(true);
});

it('is asked for again by what lies ahead, as after somebody has set it, four times a second at most', async () => {
  offMs = [0, 0];
  await clock.start();
  offMs = [3_600_000, 3_600_000];
  const ahead = at(NOW_MS + 3_600_000);
  vi.advanceTimersByTime(300);
  asked = 0;
  for (let n = 0; n < 1_000; n++) clock.isAhead(ahead, OLD);
  expect(asked).toBe(2);
  await vi.waitFor(() => expect(clock.isAhead(ahead, OLD)).toBe(false), { timeout: 30_000 });
});
