// Periodic tasks that share one timer: when each of them runs, and when there is a timer at all.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type PeriodicTask, periodically } from '../../../src/lib/periodic-tasks.js';
import { onFault } from '../../../src/lib/timers.js';
import { failTheRun } from '../../support/faults.js';

const begun: PeriodicTask[] = [];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const task of begun.splice(0)) task.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  failTheRun();
});

function begin(ms: number, run: (dueMs: number) => unknown): PeriodicTask {
  const task = periodically(ms, run);
  begun.push(task);
  return task;
}

/** Milliseconds since now at which a task of that period runs, told as they come. */
function timesOf(ms: number): readonly number[] {
  const times: number[] = [];
  const beganMs = performance.now();
  begin(ms, () => times.push(performance.now() - beganMs));
  return times;
}

/** A process that was suspended, or a loop that was held up: the clock goes on, and no timer comes by. */
function holdUp(ms: number): void {
  const untilMs = performance.now() + ms;
  const clock = vi.spyOn(performance, 'now').mockReturnValue(untilMs);
  vi.advanceTimersToNextTimer();
  clock.mockRestore();
}

it('runs what was begun at different moments in the same callback of one timer', () => {
  let callbacks = 0;
  const setInterval = globalThis.setInterval;
  const made = vi.spyOn(globalThis, 'setInterval').mockImplementation((run, ms, ...args) => {
    const counted = () => {
      callbacks++;
      run(...args);
    };
    return setInterval(counted, ms);
  });
  const runs = new Map<string, number>();
  for (const name of ['first', 'second', 'third']) {
    begin(250, () => runs.set(name, callbacks));
    vi.advanceTimersByTime(70);
  }
  begin(1_000, () => runs.set('slow', callbacks));
  expect([made.mock.calls.length, vi.getTimerCount()]).toEqual([1, 1]);
  vi.advanceTimersByTime(1_000);
  expect(callbacks).toBe(4);
  expect([...runs]).toEqual([
    ['first', 4],
    ['second', 4],
    ['third', 4],
    ['slow', 4],
  ]);
});

it('runs a task of any period as often as it says, for the first time within it and never at once', () => {
  const tasks = [250, 500, 1_000, 1_000, 1_750, 5_000, 60_000].map((ms) => {
    const times = timesOf(ms);
    vi.advanceTimersByTime(90);
    return { ms, times };
  });
  vi.advanceTimersByTime(180_000);
  for (const { ms, times } of tasks) {
    const [first = 0, ...later] = times;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(ms);
    expect(later).toEqual(later.map((_, at) => first + (at + 1) * ms));
    expect(times.length).toBeGreaterThanOrEqual(Math.floor(180_000 / ms));
  }
});

it('spreads what comes more seldom over the ticks', () => {
  const perTick = new Map<number, number>();
  const count = () => perTick.set(performance.now(), (perTick.get(performance.now()) ?? 0) + 1);
  for (const ms of [1_000, 1_000, 1_000, 1_000, 5_000, 5_000]) begin(ms, count);
  vi.advanceTimersByTime(60_000);
  expect(perTick.size).toBe(240);
  expect(Math.max(...perTick.values())).toBe(2);
});

it('ends nothing and keeps no other from running where one throws or rejects', async () => {
  const told: string[] = [];
  onFault((error) => told.push(String(error)));
  begin(250, () => {
    throw new Error('thrown');
  });
  begin(250, () => Promise.reject(new Error('rejected')));
  const times = timesOf(250);
  await vi.advanceTimersByTimeAsync(500);
  expect(times).toEqual([250, 500]);
  expect(told).toEqual(['Error: thrown', 'Error: rejected', 'Error: thrown', 'Error: rejected']);
});

it('runs no more what was stopped, by itself or by another in the same tick', () => {
  const ran: string[] = [];
  const own = begin(250, () => {
    ran.push('own');
    own.stop();
    own.stop();
    other.stop();
  });
  const other = begin(250, () => ran.push('other'));
  begin(250, () => ran.push('rest'));
  vi.advanceTimersByTime(500);
  expect(ran).toEqual(['own', 'rest', 'rest']);
});

it('runs what was begun in a tick with the next one, also where it is the only one left', () => {
  let times: readonly number[] = [];
  const one = begin(250, () => {
    one.stop();
    times = timesOf(250);
  });
  vi.advanceTimersByTime(250);
  expect(times).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(times).toEqual([250, 500]);
});

it('runs once what was missed, and then in step with what it was', () => {
  const [quick, slow] = [timesOf(250), timesOf(1_000)];
  vi.advanceTimersByTime(1_000);
  expect([quick, slow]).toEqual([[250, 500, 750, 1_000], [1_000]]);
  holdUp(60_100);
  expect([quick.slice(4), slow.slice(1)]).toEqual([[61_100], [61_100]]);
  // Fake timers know nothing of the time that was lost.
  const before = performance.now();
  const [quickLater, slowLater] = [quick.length, slow.length];
  vi.advanceTimersByTime(4_000);
  expect(quick.length - quickLater).toBe(16);
  expect(slow.length - slowLater).toBe(4);
  expect(performance.now() - before).toBe(4_000);
});

it('does not run what is late again right after that', () => {
  const ticks: string[] = [];
  begin(250, () => ticks.push('.'));
  begin(1_000, () => ticks.push('run'));
  vi.advanceTimersByTime(1_000);
  holdUp(1_750);
  vi.advanceTimersByTime(1_750);
  expect(ticks.join(' ')).toBe('. . . . run . run . . . . . run . .');
});

it('runs a task as often on a loop that is always late by less than a tick', () => {
  const now = performance.now.bind(performance);
  let lateMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + lateMs);
  const late: number[] = [];
  const [quick, second, slow] = [timesOf(250), timesOf(1_000), timesOf(5_000)];
  begin(250, (dueMs) => late.push(performance.now() - dueMs));
  for (let turn = 0; turn < 40; turn++) {
    lateMs += 200;
    vi.advanceTimersByTime(250);
  }
  // 18 s have passed.
  expect([quick.length, second.length, slow.length]).toEqual([40, 18, 3]);
  // What was late before is not told again.
  expect(new Set(late)).toEqual(new Set([200]));
  clock.mockRestore();
});

it('tells when the tick was due', () => {
  const late: number[] = [];
  begin(250, (dueMs) => late.push(performance.now() - dueMs));
  vi.advanceTimersByTime(500);
  holdUp(290);
  expect(late).toEqual([0, 0, 40]);
});

it('keeps the process alive while one of its tasks does, and has no timer without tasks', () => {
  const made = vi.spyOn(globalThis, 'setInterval');
  const timer = () => made.mock.results.at(-1)?.value as NodeJS.Timeout;
  const kept = begin(1_000, () => undefined).unref();
  expect(timer().hasRef()).toBe(false);
  const keeping = begin(250, () => undefined);
  expect(timer().hasRef()).toBe(true);
  keeping.stop();
  expect(timer().hasRef()).toBe(false);
  begin(250, () => undefined);
  kept.stop();
  expect(timer().hasRef()).toBe(true);
  for (const task of begun) task.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect(made).toHaveBeenCalledTimes(1);
  begin(250, () => undefined);
  expect([made.mock.calls.length, vi.getTimerCount()]).toEqual([2, 1]);
});

it.each([0, -250, 100, 375, Number.NaN, Number.POSITIVE_INFINITY])('refuses a period of %d ms', (ms) => {
  expect(() => periodically(ms, () => undefined)).toThrow(RangeError);
});
