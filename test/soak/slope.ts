// Whether a figure that was looked at again and again grows: its slope, and how far chance alone could bring it.

export interface Slope {
  /** In units of the figure per hour. */
  readonly perHour: number;
  /** Half of the interval that holds the true slope in 95 of 100 cases. */
  readonly noise: number;
  /** The median of all that was looked at. */
  readonly level: number;
  /** Above what chance does, and above what would matter. */
  readonly grows: boolean;
}

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** What follows on each other is alike (a collection, a deploy), so that samples are no witnesses of their own: ten blocks are. */
const BLOCKS = 10;
/** Student's t at 97.5 % with eight degrees of freedom: ten blocks, a line through them. */
const T = 2.306;
/** A slope that would take more than two days to double the figure fills nothing. */
const MATTERS_PER_HOUR = 0.02;
const HOUR_MS = 3_600_000;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
};
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Throws a `RangeError` below ten samples. */
export function slopeOf(samples: readonly Sample[]): Slope {
  if (samples.length < BLOCKS) throw new RangeError(`a slope needs ${BLOCKS} samples, there are ${samples.length}`);
  const blocks = Array.from({ length: BLOCKS }, (_, n) =>
    samples.slice(Math.floor((n * samples.length) / BLOCKS), Math.floor(((n + 1) * samples.length) / BLOCKS)),
  );
  const points = blocks.map((block) => ({
    x: median(block.map(({ atMs }) => atMs / HOUR_MS)),
    y: median(block.map(({ value }) => value)),
  }));
  const x = mean(points.map((point) => point.x));
  const y = mean(points.map((point) => point.y));
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const perHour = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
  const left = points.reduce((sum, point) => sum + (point.y - y - perHour * (point.x - x)) ** 2, 0);
  const noise = T * Math.sqrt(left / (BLOCKS - 2) / spread);
  const level = median(samples.map(({ value }) => value));
  return { perHour, noise, level, grows: perHour > noise && perHour > MATTERS_PER_HOUR * level };
}
