// What pollers have seen: how much, how late, and whether any of it was wrong.

/** Times of up to a minute are told apart by their millisecond. */
const LATEST_MS = 60_000;

/** Sums over all pollers of one process, or of all. */
export interface Tally {
  answers: number;
  messages: number;
  /** Answers without a message. */
  empty: number;
  /** Messages that the poller had been handed before. */
  stale: number;
  /** Messages that lie behind one that it was not handed. */
  holes: number;
  /** Messages of another channel than was asked for, or that it may not read. */
  foreign: number;
  /** Answers that would have it ask the same again. */
  loops: number;
  /** Connections that ended, though the answer before had not said so. */
  broken: number;
  /** Answers with a status that was not expected. */
  refused: number;
  /** Deliveries by how many milliseconds they took, `[ms, count]`, since they were published until they were read. */
  lateMs: readonly (readonly [ms: number, count: number])[];
}

export function emptyTally(): Tally {
  const nothing = {
    answers: 0,
    messages: 0,
    empty: 0,
    stale: 0,
    holes: 0,
    foreign: 0,
    loops: 0,
    broken: 0,
    refused: 0,
  };
  return { ...nothing, lateMs: [] };
}

/** All of them as one. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  const late = new Map<number, number>();
  for (const tally of tallies) {
    for (const name of COUNTS) sum[name] += tally[name];
    for (const [ms, count] of tally.lateMs) late.set(ms, (late.get(ms) ?? 0) + count);
  }
  sum.lateMs = [...late].sort(([one], [other]) => one - other);
  return sum;
}

const COUNTS = ['answers', 'messages', 'empty', 'stale', 'holes', 'foreign', 'loops', 'broken', 'refused'] as const;

/** The time within which this part (0 to 1) of all deliveries came; `NaN` without any. */
export function percentile({ lateMs }: Tally, part: number): number {
  const total = lateMs.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.ceil(total * part);
  for (const [ms, count] of lateMs) {
    left -= count;
    if (left <= 0) return ms;
  }
  return Number.NaN;
}

/** Counts deliveries by their milliseconds. */
export class LateTimes {
  #counts = new Uint32Array(LATEST_MS + 1);

  add(ms: number): void {
    const at = Math.min(LATEST_MS, Math.max(0, Math.round(ms)));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** What was counted since the last call. */
  take(): readonly (readonly [ms: number, count: number])[] {
    const counts = [...this.#counts.entries()].filter(([, count]) => count > 0);
    this.#counts = new Uint32Array(LATEST_MS + 1);
    return counts;
  }
}
