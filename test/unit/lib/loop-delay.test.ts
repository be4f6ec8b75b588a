// How late the event loop is, as it is measured beside other tasks of the same moment.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LoopDelay } from '../../../src/lib/loop-delay.js';
import { type PeriodicTask, periodically } from '../../../src/lib/periodic-tasks.js';

let loop: LoopDelay;
let others: PeriodicTask[];
/** What the tasks before it and after it take each time. */
let takesMs: { before: number; after: number };
/** When the timer came last: it is due again 250 ms after that, whatever its tasks took. */
let cameAtMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  takesMs = { before: 0, after: 0 };
  cameAtMs = performance.now();
  loop = new LoopDelay();
  others = [periodically(250, () => work(takesMs.before))];
  loop.start();
  others.push(periodically(250, () => work(takesMs.after)));
});
afterEach(() => {
  for (const other of others) other.stop();
  loop.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Time goes by, and no timer comes. */
function work(ms: number): void {
  const untilMs = performance.now() + ms;
  vi.spyOn(performance, 'now').mockReturnValue(untilMs);
}

/** One look, so late. */
async function look(lateMs: number): Promise<void> {
  cameAtMs += 250 + lateMs;
  vi.spyOn(performance, 'now').mockReturnValue(cameAtMs);
  await vi.advanceTimersByTimeAsync(250);
}

const told = () => {
  const { 'loopDelay.sum': sum = 0, 'loopDelay.count': count } = loop.stats();
  return [Math.round(sum * 1_000), count];
};

it('is nothing where the timer comes in time and nothing takes long', async () => {
  for (let looks = 0; looks < 4; looks++) await look(0);
  expect(told()).toEqual([0, 4]);
});

it('is by how much the timer was late, each time by itself', async () => {
  for (const lateMs of [40, 0, 3_000, 0]) await look(lateMs);
  expect(told()).toEqual([3_040, 4]);
  expect(loop.stats()).toMatchObject({
    'loopDelay.0.001': 2,
    'loopDelay.0.05': 3,
    'loopDelay.2.5': 3,
    'loopDelay.5': 4,
  });
});

it('has in it what other tasks of the same moment take, in whatever order they run', async () => {
  for (const before of [0, 20]) {
    for (const after of [0, 30]) {
      takesMs = { before, after };
      const [sumBefore = 0] = told();
      await look(5);
      expect((told()[0] ?? 0) - sumBefore).toBe(5 + before + after);
    }
  }
});
