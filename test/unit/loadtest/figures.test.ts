// The bench's verdicts.

import { describe, expect, it } from 'vitest';
import { least, median, most, ratios, verdict } from '../../../loadtest/figures.js';

const figure = { what: 'x', unit: '', digits: 2 };

describe('the median', () => {
  it('is the middle value, or between the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe('a ratio', () => {
  it('is taken pair by pair', () => {
    expect(ratios([2, 9], [4, 3])).toEqual([0.5, 3]);
  });
});

describe('a verdict', () => {
  it('is "met" at the goal, "above the floor" below it, else "missed"', () => {
    const said = (value: number) => verdict({ ...figure, values: [value], budget: least(0.8, 0.85) });
    expect([0.9, 0.85, 0.84, 0.8, 0.79].map(said)).toEqual([
      'met',
      'met',
      'above the floor',
      'above the floor',
      'missed',
    ]);
  });

  it('turns around for a limit from above', () => {
    const said = (value: number) => verdict({ ...figure, values: [value], budget: most(3) });
    expect([2.9, 3, 3.1].map(said)).toEqual(['met', 'met', 'missed']);
  });

  it('is missed when there is no value', () => {
    expect(verdict({ ...figure, values: [], budget: least(1) })).toBe('missed');
    expect(verdict({ ...figure, values: [], budget: most(1) })).toBe('missed');
  });

  it('is not given without a budget', () => {
    expect(verdict({ ...figure, values: [1] })).toBeUndefined();
  });
});
