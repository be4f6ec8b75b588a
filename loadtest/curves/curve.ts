// What a growth curve is: what something costs, against how much of it there is.

import type { Kind } from '../server-process.js';

export interface Point {
  readonly x: number;
  /** One value per repetition; NaN, and null in a file: it does not count. */
  readonly values: readonly number[];
}

export interface Series {
  /** Whose: an engine, or the bare loop. */
  readonly name: Kind;
  readonly points: readonly Point[];
}

/** What is drawn, without what came. */
export interface Outline {
  /** Unique; what was measured together begins with the same word: `history`, `history-redis`. */
  readonly name: string;
  /** As a heading. */
  readonly what: string;
  /** What `x` counts. */
  readonly x: string;
  readonly unit: string;
  /** Digits after the point when printed. */
  readonly digits: number;
}

export interface Curve extends Outline {
  readonly series: readonly Series[];
}

/** How much is done for curves. */
export interface Effort {
  /** How many points of each curve, from the smallest on. */
  readonly points: number;
  /** Messages of a window, as a share of all that there are. */
  readonly share: number;
}

export const WHOLE: Effort = { points: Number.POSITIVE_INFINITY, share: 1 };
export const QUICK: Effort = { points: 3, share: 0.1 };

/** The outlined curve of what came, a value by the server's kind, `x` and repetition. */
export class Drawing {
  private readonly came = new Map<Kind, Map<number, number[]>>();
  private readonly outline: Outline;

  constructor(outline: Outline) {
    this.outline = outline;
  }

  add(kind: Kind, x: number, value: number): void {
    const points = this.came.get(kind) ?? new Map<number, number[]>();
    this.came.set(kind, points);
    points.set(x, [...(points.get(x) ?? []), value]);
  }

  curve(): Curve {
    const series = [...this.came].map(([name, points]) => ({
      name,
      points: [...points].map(([x, values]) => ({ x, values })),
    }));
    return { ...this.outline, series };
  }
}
