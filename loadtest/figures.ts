// The lines of a bench's result: values of interleaved repetitions, their median, and the budget they are held against.

export interface Figure {
  readonly what: string;
  /** One value per repetition; NaN: it does not count. */
  readonly values: readonly number[];
  readonly unit: string;
  /** Digits after the point when printed. */
  readonly digits: number;
  /** Absent: for information. */
  readonly budget?: Budget;
  /** Absent: more is, unless the budget bounds it from above. */
  readonly isBetter?: 'less';
  /** By which it is measured; absent in results of benches that did not say so. */
  readonly scenario?: string;
}

export interface Budget {
  /** `least`: the median must not be below; `most`: not above. */
  readonly bound: 'least' | 'most';
  /** Where it fails. */
  readonly floor: number;
  /** Where it is good. */
  readonly goal: number;
}

export type Verdict = 'met' | 'above the floor' | 'missed';

/** Whether a repetition does not count: then the figure is not told. */
export function isRefused({ values }: Pick<Figure, 'values'>): boolean {
  return values.length === 0 || values.some((value) => !Number.isFinite(value));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function verdict(figure: Figure): Verdict | undefined {
  const { budget } = figure;
  if (budget === undefined) return undefined;
  if (isRefused(figure)) return 'missed';
  const value = median(figure.values);
  const reaches = (bound: number): boolean => (budget.bound === 'least' ? value >= bound : value <= bound);
  if (reaches(budget.goal)) return 'met';
  return reaches(budget.floor) ? 'above the floor' : 'missed';
}

/** What is more than that of the bare thing, pair by pair. */
export function differences(values: readonly number[], bare: readonly number[]): readonly number[] {
  return values.map((value, at) => value - (bare[at] ?? Number.NaN));
}

/** A ratio to the bare thing, pair by pair. */
export function ratios(values: readonly number[], bare: readonly number[]): readonly number[] {
  return values.map((value, at) => value / (bare[at] ?? Number.NaN));
}

export function least(floor: number, goal: number = floor): Budget {
  return { bound: 'least', floor, goal };
}

export function most(floor: number, goal: number = floor): Budget {
  return { bound: 'most', floor, goal };
}
