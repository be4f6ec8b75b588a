// Measures two sides in turn, A B B A, so that what drifts on the machine meets both alike, and makes ratios of the pairs.

import { median } from '../figures.js';
import type { Side } from './scenarios.js';

export interface Pairs {
  /** New to old, pair by pair; more is better. */
  readonly ratios: readonly number[];
  /** The medians of both. */
  readonly now: number;
  readonly before: number;
}

/** `undefined`: a window did not count, and so there is nothing to say. */
export async function measurePairs(
  now: Side,
  before: Side,
  count: number,
  onPair: (now: number, before: number) => void,
): Promise<Pairs | undefined> {
  const all: { readonly now: number; readonly before: number }[] = [];
  for (let pair = 0; pair < count; pair += 1) {
    const order = pair % 2 === 0 ? [now, before] : [before, now];
    const measured = new Map<Side, number>();
    for (const side of order) {
      const value = await side.measure();
      if (value === undefined) return undefined;
      measured.set(side, value);
    }
    const values = { now: measured.get(now) ?? Number.NaN, before: measured.get(before) ?? Number.NaN };
    all.push(values);
    onPair(values.now, values.before);
  }
  return {
    ratios: all.map((values) => values.now / values.before),
    now: median(all.map((values) => values.now)),
    before: median(all.map((values) => values.before)),
  };
}

/** Opens both sides, and closes them whatever happens to `use`. */
export async function withSides<Result>(
  open: (which: 'now' | 'before') => Promise<Side>,
  use: (now: Side, before: Side) => Promise<Result>,
): Promise<Result> {
  const now = await open('now');
  try {
    const before = await open('before');
    try {
      return await use(now, before);
    } finally {
      await before.close();
    }
  } finally {
    await now.close();
  }
}
