// What faults may have done to history, and when: the windows in which an acknowledged message may be lost.

import type { Instant } from './history.js';
import type { Entry, Fault, History } from './judge-history.js';

/** Asynchronous replication may lag by this much before a failover: chosen, well over what was measured. */
const UNREPLICATED_MS = 5000;
/** How long after healing a fault's damage may still show, where the run does not say when it was over: chosen. */
const AFTERMATH_MS = 10_000;

export interface DamageWindow {
  readonly fault: Fault;
  readonly from: Instant;
  readonly to: Instant;
  /** Whether nothing at all that was known before it is held after the run, and something was. */
  readonly total: boolean;
}

/** What became of a message: still in the log, trimmed as history's size has it, or lost. */
export type Fate = 'held' | 'trimmed' | 'lost';

/** `trimmed` too where it may have been lost first: afterwards nobody can tell. */
export function fateOf({ held, channel: { log }, offset }: Entry): Fate {
  if (held) return 'held';
  if (log === undefined || log.entries.length < log.historySize) return 'lost';
  return offset < (log.entries[0]?.[0] ?? '') ? 'trimmed' : 'lost';
}

/** The damaging faults of a run, by the time of their injection. */
export class DamageRecord {
  readonly windows: readonly DamageWindow[];

  constructor(history: History) {
    const damaging = history.faults.filter(({ damage }) => damage !== 'none');
    this.windows = damaging.map((fault) => ({
      fault,
      from: fault.damage === 'all' ? Number.NEGATIVE_INFINITY : fault.injectedAt - UNREPLICATED_MS,
      to: fault.recoveredAt ?? (fault.healedAt ?? fault.injectedAt) + AFTERMATH_MS,
      total: fault.damage === 'all' && wasTotal(history, fault.injectedAt),
    }));
  }

  /** Whether any was injected by `t`. */
  hasBegunBy(t: Instant): boolean {
    return this.windows.some(({ fault }) => fault.injectedAt <= t);
  }

  /** Whether one of them was injected and is not over at `t`. */
  isUnderWay(t: Instant): boolean {
    return this.windows.some(({ fault, to }) => fault.injectedAt <= t && t <= to);
  }

  /** The window, of those that touch the time between, that is over first. */
  touching(from: Instant, to: Instant): DamageWindow | undefined {
    let first: DamageWindow | undefined;
    for (const window of this.windows) {
      if (to < window.from || from > window.to) continue;
      if (first === undefined || window.to < first.to) first = window;
    }
    return first;
  }

  /**
   * Whether `next` may follow without `missing`: that was lost before `next` was written, or `next` was lost and `missing`
   * belongs to the history that replaced it.
   */
  excuses(missing: Entry, next: Entry): boolean {
    if (fateOf(next) === 'lost' && this.#isReplaced(next, missing)) return true;
    if (missing.held) return false;
    const from = Math.min(missing.publication.invokedAt, missing.knownAt);
    return this.windows.some(
      (window) => from <= window.to && missing.knownAt >= window.from && next.knownAt > window.fault.injectedAt,
    );
  }

  #isReplaced({ publication, knownAt }: Entry, by: Entry): boolean {
    const since = Math.min(publication.invokedAt, knownAt);
    return this.windows.some(({ fault, from, to }) => since <= to && knownAt >= from && by.knownAt > fault.injectedAt);
  }

  /** Whether `last` was certainly lost before anybody published `next`. */
  partsFrom(last: Entry, next: Entry, isLost: boolean): boolean {
    const since = Math.min(last.publication.invokedAt, last.knownAt);
    let takers = 0;
    let stillToCome = 0;
    for (const { fault, from, to, total } of this.windows) {
      const isOver = next.publication.invokedAt > to;
      if (total && isOver && last.knownAt < fault.injectedAt) return true;
      if (since > to || last.knownAt < from) continue;
      takers++;
      if (!isOver) stillToCome++;
    }
    // Where each fault that may have taken it was over.
    return isLost && takers > 0 && stillToCome === 0;
  }
}

function wasTotal({ channels }: History, injectedAt: Instant): boolean {
  let lost = false;
  for (const { known } of channels.values()) {
    for (const entry of known) {
      if (entry.knownAt >= injectedAt) continue;
      if (entry.held) return false;
      lost ||= fateOf(entry) === 'lost';
    }
  }
  return lost;
}
