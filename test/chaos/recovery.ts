// How long after each fault was healed its subscribers had what was published meanwhile, per kind of fault.

import type { Fault, History, Publication, Subscription } from './judge-history.js';

/** Delivered later than this after its acknowledgement, a message is late: chosen above what a short poll takes. */
const LATE_MS = 2000;
/** What was acknowledged this shortly before a fault may still be on its way: chosen. */
const LEAD_MS = 1000;

export interface RecoveryRow {
  readonly fault: string;
  readonly times: number;
  /** Subscriptions that had something late, over all times. */
  readonly affected: number;
  /** From healing to the last late delivery; `undefined` where nobody was affected. */
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
}

interface Episode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly healedAt: number;
  readonly recoveries: number[];
}

/** Of the messages whose `counts` holds: what was queued waits for another reason than what was published. */
export function recoveryTable(
  history: History,
  counts: (publication: Publication) => boolean = () => true,
): RecoveryRow[] {
  const episodes = history.faults.map((fault, index) => episode(fault, history.faults[index + 1]));
  if (episodes.length > 0) for (const subscription of history.subscriptions) measure(subscription, episodes, counts);
  const rows = new Map<string, { times: number; recoveries: number[] }>();
  for (const { name, recoveries } of episodes) {
    const row = rows.get(name) ?? { times: 0, recoveries: [] };
    row.times++;
    for (const recovery of recoveries) row.recoveries.push(recovery);
    rows.set(name, row);
  }
  return [...rows].map(([fault, { times, recoveries }]) => {
    recoveries.sort((a, b) => a - b);
    return {
      fault,
      times,
      affected: recoveries.length,
      medianMs: quantile(recoveries, 0.5),
      p99Ms: quantile(recoveries, 0.99),
      maxMs: recoveries.at(-1),
    };
  });
}

/** The table in Markdown, times in milliseconds. */
export function formatRecovery(rows: readonly RecoveryRow[]): string {
  const cell = (ms: number | undefined) => (ms === undefined ? '–' : Math.round(ms).toLocaleString('en-US'));
  const lines = rows.map(
    ({ fault, times, affected, medianMs, p99Ms, maxMs }) =>
      `| ${fault} | ${times} | ${affected} | ${cell(medianMs)} | ${cell(p99Ms)} | ${cell(maxMs)} |`,
  );
  return [
    '| fault | times | subscriptions affected | median ms | p99 ms | max ms |',
    '|---|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}

function episode({ name, injectedAt, healedAt, recoveredAt }: Fault, next: Fault | undefined): Episode {
  return {
    name,
    from: injectedAt - LEAD_MS,
    to: recoveredAt ?? next?.injectedAt ?? Number.POSITIVE_INFINITY,
    healedAt: healedAt ?? injectedAt,
    recoveries: [],
  };
}

function measure(
  { steps }: Subscription,
  episodes: readonly Episode[],
  counts: (publication: Publication) => boolean,
): void {
  const lastLate = new Map<Episode, number>();
  /** What comes again after a gap was there before, and is not late; who saw no such gap sees nothing twice. */
  const seen = steps.what.some(({ kind }) => kind === 'gap') ? new Set<Publication>() : undefined;
  for (let index = 0; index < steps.what.length; index++) {
    const step = steps.what[index];
    if (step?.kind !== 'entry' || seen?.has(step.publication) || !counts(step.publication)) continue;
    seen?.add(step.publication);
    const at = steps.at[index] ?? 0;
    const { acknowledgedAt, invokedAt } = step.publication;
    const since = acknowledgedAt === Number.POSITIVE_INFINITY ? invokedAt : acknowledgedAt;
    if (!(at - since > LATE_MS)) continue;
    for (const its of episodes) {
      if (since >= its.from && since < its.to) lastLate.set(its, Math.max(lastLate.get(its) ?? 0, at));
    }
  }
  for (const [its, last] of lastLate) its.recoveries.push(Math.max(0, last - its.healedAt));
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
