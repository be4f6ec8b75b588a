// What the kernel says of a window is read to the nanosecond, and what makes its numbers worthless is told.

import { describe, expect, it } from 'vitest';
import { cpuSecondsBetween, readCpuTime } from '../../../loadtest/cpu-time.js';
import { doubtsOf, faultsOf } from '../../../loadtest/validity.js';
import { type Watched, watch } from '../../../loadtest/watch.js';
import { FakeProc } from './fake-proc.js';

describe('the CPU time of a process', () => {
  it('is the sum over its threads, finer than a tick', () => {
    const proc = new FakeProc(1);
    proc.use(1, '1', 100);
    proc.use(1, '2', 50);
    const before = readCpuTime(proc, 1);
    proc.use(1, '1', 1.25);
    proc.use(1, '2', 0.5);
    proc.use(1, '3', 0.25);
    expect(cpuSecondsBetween(before, readCpuTime(proc, 1))).toBeCloseTo(0.002, 9);
  });

  it('holds that of threads that ended meanwhile, whether they were there before or not', () => {
    const proc = new FakeProc(1);
    proc.use(1, '1', 100);
    proc.use(1, '2', 100);
    const before = readCpuTime(proc, 1);
    proc.use(1, '2', 200);
    proc.use(1, '3', 300);
    proc.end(1, '2');
    proc.end(1, '3');
    expect(cpuSecondsBetween(before, readCpuTime(proc, 1))).toBeCloseTo(0.5, 9);
  });
});

describe('a watched window', () => {
  it('tells the cast apart from others and from the hypervisor', () => {
    const proc = new FakeProc(2);
    for (const pid of [1, 2, 3, 4]) proc.use(pid, String(pid), 10);
    const clock = [1_000, 3_000];
    const end = watch(proc, { server: 1, drivers: [2, 3], redis: 4 }, () => clock.shift() ?? 0);
    for (const [pid, ms] of [500, 300, 200, 100].entries()) proc.use(pid + 1, String(pid + 1), ms);
    proc.idleMs += 2_300;
    proc.stolenMs += 200;
    proc.sleeps += 42;
    const watched = end();
    expect(watched).toMatchObject({ wallSeconds: 2, redis: 0.1, stolenCores: 0.1, serverSleeps: 42 });
    expect(watched.serverSwitches).toBe(42); // what it did not do of its own accord stayed as it was
    expect(watched.server).toBeCloseTo(0.5, 9);
    expect(watched.drivers.map((seconds) => seconds.toFixed(3))).toEqual(['0.300', '0.200']);
    expect(watched.othersCores).toBeCloseTo(0.2, 9); // 4 s of two processors − 2.3 idle − 0.2 stolen − 1.1 of our own = 0.4 s
  });
});

const CALM: Watched = {
  wallSeconds: 2,
  server: 1,
  serverSleeps: 100,
  serverSwitches: 120,
  drivers: [0.2, 1.2],
  redis: 0.1,
  stolenCores: 0,
  othersCores: 0.05,
};

describe('a doubt', () => {
  it('is not raised by a calm machine and a driver with room', () => {
    expect(doubtsOf({ watched: CALM, lag: { lagP99Ms: 5, lagMaxMs: 300 } })).toEqual([]);
  });

  it.each<[string, Partial<Watched>, number, RegExp]>([
    ['a saturated driver', { drivers: [0.2, 1.9] }, 5, /^a driver was saturated: it used 95 %/],
    ['a late driver', {}, 100, /^a driver was late: its event loop by 100 ms/],
    ['a hypervisor that took time', { stolenCores: 0.1 }, 5, /^the hypervisor took 10 %/],
    ['another program', { othersCores: 1 }, 5, /^the machine was busy: others used 100 %/],
  ])('is raised by %s', (_, change, lagP99Ms, reason) => {
    const doubts = doubtsOf({ watched: { ...CALM, ...change }, lag: { lagP99Ms, lagMaxMs: lagP99Ms } });
    expect(doubts).toEqual([expect.stringMatching(reason)]);
  });
});

describe('a saturated server', () => {
  const watched = { ...CALM, server: 1.9 };

  it('is a doubt where a rate is kept', () => {
    expect(doubtsOf({ watched, asked: 10 })).toEqual([
      expect.stringMatching(/^the server was saturated: it used 95 % of a processor/),
    ]);
  });

  it('is what a flood is for', () => {
    expect(doubtsOf({ watched })).toEqual([]);
  });
});

const SOUND = { lost: 0, repeated: 0, disordered: 0, ended: 0, surprises: 0, surprise: '' };

describe('a fault', () => {
  const faults = (change: Partial<typeof SOUND>, achieved = 100) =>
    faultsOf({ expected: 1_000, report: { ...SOUND, ...change }, asked: 100, achieved });

  it('is none when every message came once at the rate that was asked for', () => {
    expect(faults({})).toEqual([]);
    expect(faults({}, 98)).toEqual([]);
  });

  it('is a rate below 98 %, with what was achieved', () => {
    expect(faults({}, 97.9)).toEqual([expect.stringMatching(/^97\.9 messages\/s instead of 100 \(97\.9 %/)]);
    expect(faults({}, 50)).toEqual([expect.stringMatching(/^50\.0 messages\/s instead of 100/)]);
  });

  it('is not a rate where none was asked for', () => {
    expect(faultsOf({ expected: 1_000, report: SOUND, achieved: 3 })).toEqual([]);
  });

  it('is each of a lost, a repeated and a disordered delivery, an ended link and a surprise', () => {
    const all = faults({ lost: 1, repeated: 2, disordered: 3, ended: 4, surprises: 5, surprise: 'gap' });
    expect(all).toEqual([
      '1 of 1000 deliveries were lost',
      '2 deliveries were repeated',
      '3 deliveries were out of order',
      '4 links ended',
      '5 surprises, the first: gap',
    ]);
  });
});
