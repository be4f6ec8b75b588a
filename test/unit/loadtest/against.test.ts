// The comparison of two builds: who takes turns how, what pairs say, and when something is worse.

import { describe, expect, it } from 'vitest';
import { compare, describeOutcomes, exitCodeOf } from '../../../loadtest/against/against.js';
import { intervalRank, judgeRatios, LEAST_PAIRS } from '../../../loadtest/against/median-ratio.js';
import { measurePairs } from '../../../loadtest/against/pairs.js';
import type { Scenario, Side } from '../../../loadtest/against/scenarios.js';
import { INSTRUMENTS } from '../../../loadtest/instruments.js';
import { Judge } from '../../../loadtest/judge.js';

const repeat = (value: number, times: number): number[] => Array.from({ length: times }, () => value);

describe('the interval of a median', () => {
  // From the tables of the binomial distribution for one half.
  it.each([
    [5, 0],
    [6, 1],
    [8, 1],
    [9, 2],
    [15, 4],
    [20, 6],
    [30, 10],
  ])('of %i values begins at the rank %i', (count, rank) => {
    expect(intervalRank(count)).toBe(rank);
  });

  it('of 15 values goes from the fourth to the twelfth', () => {
    const values = Array.from({ length: 15 }, (_, at) => (at + 1) / 10).reverse();
    expect(judgeRatios(values)).toMatchObject({ median: 0.8, low: 0.4, high: 1.2 });
  });

  it('of too few values is refused', () => {
    expect(() => judgeRatios(repeat(1, LEAST_PAIRS - 1))).toThrow(TypeError);
  });
});

describe('worse', () => {
  it.each([
    ['below 0.97 with the interval below 1', [...repeat(0.9, 12), ...repeat(1.2, 3)], 'worse'],
    ['not when the interval reaches 1', [...repeat(0.9, 11), ...repeat(1.2, 4)], 'not worse'],
    ['not at 0.97, however sure', repeat(0.97, 15), 'not worse'],
    ['not above 1', repeat(1.3, 15), 'not worse'],
  ])('is %s', (_, ratios, verdict) => {
    expect(judgeRatios(ratios).verdict).toBe(verdict);
  });
});

/** A build that brings these figures, one after the other, and notes each turn. */
function side(name: string, figures: (number | undefined)[], turns: string[], closed: string[] = []): Side {
  return {
    measure: async () => {
      turns.push(name);
      return figures.shift();
    },
    close: async () => void closed.push(name),
  };
}

describe('two builds', () => {
  it('take turns A B B A and are held against each other pair by pair', async () => {
    const turns: string[] = [];
    const pairs = await measurePairs(side('now', [10, 40], turns), side('before', [20, 20], turns), 2, () => {});
    expect(turns).toEqual(['now', 'before', 'before', 'now']);
    expect(pairs).toEqual({ ratios: [0.5, 2], now: 25, before: 20 });
  });

  it('come to nothing as soon as a window does not count', async () => {
    const turns: string[] = [];
    const before = side('before', [1, undefined], turns);
    expect(await measurePairs(side('now', [1, 1], turns), before, 9, () => {})).toBeUndefined();
    expect(turns).toHaveLength(3);
  });
});

describe('a comparison', () => {
  const roots = { now: new URL('file:///now/'), before: new URL('file:///before/') };
  const lab = (pairs: number) => {
    const judge = new Judge({ allowBusy: false, attempts: 1, log: () => {} });
    const secrets = { authSecret: '', clusterSecret: '', publishKey: '' };
    return { instruments: INSTRUMENTS, judge, secrets, pairs, log: () => {} };
  };
  const scenario = (figures: Readonly<Record<string, (number | undefined)[]>>, closed: string[] = []): Scenario => ({
    what: 'something',
    unit: 'things',
    open: async (_, root) => side(root.pathname, [...(figures[root.pathname] ?? [])], [], closed),
  });

  it.each([
    ['not worse', 100, 0],
    ['worse', 90, 1],
  ])('is %s and ends with its exit code', async (verdict, now, code) => {
    const figures = { '/now/': repeat(now, 6), '/before/': repeat(100, 6) };
    const outcome = await compare(lab(6), 'x', scenario(figures), roots);
    expect(outcome.judged?.verdict).toBe(verdict);
    expect(exitCodeOf([outcome])).toBe(code);
    expect(describeOutcomes([outcome], lab(6))).toContain(`now ${now}, before 100 things`);
  });

  it('fails when a number was refused, and closes both sides', async () => {
    const closed: string[] = [];
    const outcome = await compare(
      lab(6),
      'x',
      scenario({ '/now/': [1, undefined], '/before/': [1, 1] }, closed),
      roots,
    );
    expect(outcome.judged).toBeUndefined();
    expect(exitCodeOf([outcome])).toBe(1);
    expect(describeOutcomes([outcome], lab(6))).toMatch(/x +refused/);
    expect(closed).toEqual(['/before/', '/now/']);
  });
});
