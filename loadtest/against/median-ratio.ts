// What pairs of measurements say: the median of their ratios, its 95 % interval, and whether something has become worse.

import { median } from '../figures.js';

export interface MedianRatio {
  readonly median: number;
  /** The 95 % interval of the median. */
  readonly low: number;
  readonly high: number;
  readonly verdict: 'worse' | 'not worse';
}

/** Below this, and surely below 1, something has become worse. */
const WORSE_BELOW = 0.97;
const DOUBT = 0.05;

/** Fewer pairs have no 95 % interval: five of five on one side happen by chance in 1 of 16 cases. */
export const LEAST_PAIRS = 6;

/**
 * Judges ratios of new to old, where more is better. The interval is that of order statistics: it asks nothing of how the ratios are spread,
 * since each lies below the true median as often as above it, like a coin's sides. Its coverage is 95 % or a little more (15 pairs: 96.5 %).
 */
export function judgeRatios(ratios: readonly number[]): MedianRatio {
  if (intervalRank(ratios.length) < 1)
    throw new TypeError(`${ratios.length} pairs are too few, at least ${LEAST_PAIRS} are needed`);
  const middle = median(ratios);
  const { low, high } = intervalOf(ratios);
  return { median: middle, low, high, verdict: middle < WORSE_BELOW && high < 1 ? 'worse' : 'not worse' };
}

/** Of the median: that of order statistics; of fewer than {@link LEAST_PAIRS} values, which have none, all that they span. */
export function intervalOf(values: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, intervalRank(sorted.length));
  return { low: sorted[rank - 1] ?? Number.NaN, high: sorted[sorted.length - rank] ?? Number.NaN };
}

/** The largest rank, counted from 1 from both ends, whose interval misses the median in at most 5 % of cases; 0: there is none. */
export function intervalRank(count: number): number {
  let below = 0; // the chance that at most `rank` of `count` lie below the median
  let chance = 0.5 ** count;
  for (let rank = 0; ; rank += 1) {
    below += chance;
    if (2 * below > DOUBT) return rank;
    chance = (chance * (count - rank)) / (rank + 1);
  }
}
