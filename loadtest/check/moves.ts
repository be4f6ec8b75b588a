// Says of figures that are measured anew which have moved beyond the noise of both times.

import { intervalOf, LEAST_PAIRS } from '../against/median-ratio.js';
import { type Figure, isRefused, median } from '../figures.js';

export type Moved = 'better' | 'worse' | 'within noise' | 'too few values' | 'refused';

/** One figure, then and now. */
export interface Move {
  readonly before: Figure;
  readonly after: Figure;
  readonly moved: Moved;
}

export interface Moves {
  /** Figures that both have. */
  readonly both: readonly Move[];
  /** Measured now, and not there. */
  readonly added: readonly Figure[];
  /** There, of a scenario that is measured now, and not measured. */
  readonly gone: readonly Figure[];
  /** Whether some figures there do not say which scenario they are of, so that none of them is missed. */
  readonly isVague: boolean;
}

const DOUBT = 0.05;

/** Times something in the same run: such figures alone bear another moment, and another machine a little. */
export function isRatio({ unit }: Figure): boolean {
  return unit.startsWith('×');
}

/** Of ratios alone. `names`: the scenarios that were measured now. */
export function movesOf(then: readonly Figure[], now: readonly Figure[], names: readonly string[]): Moves {
  const [old, fresh] = [then.filter(isRatio), now.filter(isRatio)];
  const by = (figures: readonly Figure[]) => new Map(figures.map((figure) => [keyOf(figure), figure]));
  const [oldBy, freshBy] = [by(old), by(fresh)];
  return {
    both: fresh.flatMap((figure): readonly Move[] => {
      const before = oldBy.get(keyOf(figure));
      return before === undefined ? [] : [{ before, after: figure, moved: judge(before, figure) }];
    }),
    added: fresh.filter((figure) => !oldBy.has(keyOf(figure))),
    gone: old.filter((figure) => names.includes(figure.scenario ?? '') && !freshBy.has(keyOf(figure))),
    isVague: old.some(({ scenario }) => scenario === undefined),
  };
}

/** It has moved where the 95 % interval of its median lies wholly beyond that of then. */
export function judge(then: Figure, now: Figure): Moved {
  if (isRefused(then) || isRefused(now)) return 'refused';
  if (mayBeChance(then.values.length, now.values.length)) return 'too few values';
  const [before, after] = [intervalOf(then.values), intervalOf(now.values)];
  const isLess = now.isBetter === 'less' || now.budget?.bound === 'most';
  if (after.low > before.high) return isLess ? 'worse' : 'better';
  if (after.high < before.low) return isLess ? 'better' : 'worse';
  return 'within noise';
}

/** Whether so few values lie wholly on one side of so few others too often when nothing has moved: 2 of all ways to mix them. */
function mayBeChance(some: number, others: number): boolean {
  if (Math.min(some, others) >= LEAST_PAIRS) return false;
  let ways = 1;
  for (let at = 1; at <= some; at += 1) ways = (ways * (others + at)) / at;
  return 2 / ways > DOUBT;
}

function keyOf({ what, unit }: Figure): string {
  return `${what}\n${unit}`;
}

/** A figure with the interval that it is judged by. */
export function withInterval(figure: Figure): string {
  if (isRefused(figure)) return 'refused';
  const { low, high } = intervalOf(figure.values);
  const [middle, least, most] = [median(figure.values), low, high].map((value) => value.toFixed(figure.digits));
  return `${middle} (${least} to ${most})`;
}
