// What is known of clients that were sent to a node and did not come: a node that nobody reaches is the least loaded of all.

import { REGISTRY_RULES as RULES } from './registry-rules.js';

interface Count {
  total: number;
  /** One after the other, while the node had no rest. */
  strikes: number;
  restUntilMs: number;
  /** Whose they were, the newest last. */
  marks: string[];
}

/** The Lua of the Redis form does the same. */
export class Lapses {
  readonly #byId = new Map<string, Count>();

  /**
   * A place on the node was not claimed there, though it could have said so. Of one asker one counts, and another after each rest,
   * which makes that no longer; what has the mark `''` says nothing.
   */
  lapsed(id: string, nowMs: number, mark?: string): void {
    const count = this.#byId.get(id) ?? { total: 0, strikes: 0, restUntilMs: 0, marks: [] };
    this.#byId.set(id, count);
    count.total++;
    // Those that were sent before the rest began say nothing new.
    if (nowMs < count.restUntilMs || mark === '') return;
    if (mark === undefined || !count.marks.includes(mark)) {
      count.strikes++;
      if (mark !== undefined) count.marks = [...count.marks, mark].slice(-RULES.maxMarks);
    }
    if (count.strikes >= RULES.lapsesToRest) count.restUntilMs = nowMs + restMs(count.strikes);
  }

  /** A client has come. */
  claimed(id: string): void {
    const count = this.#byId.get(id);
    if (count === undefined) return;
    count.strikes = 0;
    count.restUntilMs = 0;
    count.marks = [];
  }

  total(id: string): number {
    return this.#byId.get(id)?.total ?? 0;
  }

  isDoubted(id: string): boolean {
    return (this.#byId.get(id)?.strikes ?? 0) >= RULES.lapsesToRest;
  }

  /** After a rest one client is sent to see; while it is on its way, no other is. */
  isResting(id: string, held: number, nowMs: number): boolean {
    const count = this.#byId.get(id);
    return count !== undefined && this.isDoubted(id) && (nowMs < count.restUntilMs || held > 0);
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }
}

function restMs(strikes: number): number {
  return Math.min(RULES.maxRestMs, RULES.restMs * 2 ** (strikes - RULES.lapsesToRest));
}
