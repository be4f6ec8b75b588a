// One warning for clocks that differ, until they agree again.

import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClockWarning } from '../../../src/broker/redis/clock-warning.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const MINUTE_MS = 60_000;
let redisMs = 0;
const master = { time: async () => [Math.floor(redisMs / 1_000), (redisMs % 1_000) * 1_000] } as unknown as Redis;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

it('warns once while they differ by more than 2 s, and again after they agreed', async () => {
  const logger = new RecordingLogger();
  const warning = new ClockWarning(logger, () => [master]);
  const after = async (aheadMs: number) => {
    await vi.advanceTimersByTimeAsync(MINUTE_MS - 1);
    redisMs = Date.now() - aheadMs;
    await vi.advanceTimersByTimeAsync(1);
    return logger.texts('warn').length;
  };
  redisMs = Date.now() - 1_900;
  await warning.start();
  expect(logger.texts('warn')).toEqual([]);
  expect(await after(-6_000)).toBe(1);
  expect(logger.texts('warn')[0]).toContain("the clock of this machine is 6.0 s behind Redis'");
  expect(await after(-6_000)).toBe(1);
  expect(await after(0)).toBe(1);
  expect(await after(7_000)).toBe(2);
  warning.stop();
  expect(vi.getTimerCount()).toBe(0);
});
