// Counts durations by how long they were, in plain numbers: whoever measures pays next to nothing, and whoever asks adds up.

/** Chosen: upper bounds in seconds, from what a loop takes to what a person waits for. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

export class Histogram {
  readonly #counts: number[] = BOUNDS_S.map(() => 0);
  #count = 0;
  #sumS = 0;

  /** What is below 0 counts as 0. */
  add(ms: number): void {
    const seconds = Math.max(0, ms) / 1_000;
    this.#count++;
    this.#sumS += seconds;
    const at = BOUNDS_S.findIndex((bound) => seconds <= bound);
    if (at !== -1) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** `name.0.001`, how many took so many seconds at most, and so on; `name.sum` in seconds, and `name.count`. */
  stats(name: string): Readonly<Record<string, number>> {
    let upTo = 0;
    const buckets = BOUNDS_S.map((bound, at) => {
      upTo += this.#counts[at] ?? 0;
      return [`${name}.${bound}`, upTo];
    });
    return { ...Object.fromEntries(buckets), [`${name}.sum`]: this.#sumS, [`${name}.count`]: this.#count };
  }
}
