// How long after each fault was healed its subscribers had what was published meanwhile, per kind of fault.

import type { Fault as FaultKind } from './fault.js';
import type { Fault, History, Publication, Subscription } from './judge-history.js';

/** Delivered later than this after its acknowledgement, a message is late: chosen. */
const LATE_MS = 2000;
/** Chosen: what comes by short poll waits for the next one besides. */
const LATE_BY_SHORT_POLL_MS = LATE_MS + 1000;
/** What was acknowledged this shortly before a fault may still be on its way: chosen. */
const LEAD_MS = 1000;

/** From healing to the last late delivery; no times where nobody was affected. */
export interface Recovery {
  /** Subscriptions that had something late, over all times. */
  readonly affected: number;
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
}

export interface RecoveryRow {
  readonly fault: string;
  /** Of faults that each transport recovers from in its own time. */
  readonly transport?: string;
  readonly times: number;
  /** Subscriptions that there were, over all times. */
  readonly watched: number;
  readonly published: Recovery;
  /** What came through the queue, which waits for its next holder too. */
  readonly queued: Recovery;
}

interface Episode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly healedAt: number;
  readonly published: number[];
  readonly queued: number[];
}

interface Collected {
  readonly fault: string;
  readonly transport?: string;
  times: number;
  watched: number;
  readonly published: number[];
  readonly queued: number[];
}

/** One row per kind of fault, over all these histories; and per transport, of those that say so. */
export function recoveryTable(histories: readonly History[], kinds: readonly FaultKind[] = []): RecoveryRow[] {
  const rows = new Map<string, Collected>();
  for (const history of histories) {
    collect(history, undefined, (name) => !isSplit(name, kinds), rows);
    for (const transport of Object.keys(Object.assign({}, ...kinds.map((kind) => kind.recoversWithinMs)))) {
      collect(history, transport, (name) => isSplit(name, kinds), rows);
    }
  }
  return [...rows.values()].map(({ published, queued, ...row }) => ({
    ...row,
    published: summary(published),
    queued: summary(queued),
  }));
}

function isSplit(name: string, kinds: readonly FaultKind[]): boolean {
  return kinds.find((kind) => kind.name === name)?.recoversWithinMs !== undefined;
}

/** The faults whose rows these are, with all subscriptions or those of one transport. */
function collect(
  history: History,
  transport: string | undefined,
  belongs: (fault: string) => boolean,
  rows: Map<string, Collected>,
): void {
  const episodes = history.faults.map((fault, index) => episode(fault, history.faults[index + 1]));
  // The crowd names its clients by their transports.
  const subscriptions = history.subscriptions.filter(
    ({ client }) => transport === undefined || client.endsWith(`-${transport}`),
  );
  if (episodes.length > 0) for (const subscription of subscriptions) measure(subscription, episodes);
  for (const { name, published, queued } of episodes.filter((one) => belongs(one.name))) {
    const key = `${name}, ${transport}`;
    const named = transport === undefined ? { fault: name } : { fault: name, transport };
    const row = rows.get(key) ?? { ...named, times: 0, watched: 0, published: [], queued: [] };
    rows.set(key, row);
    row.times++;
    row.watched += subscriptions.length;
    for (const ms of published) row.published.push(ms);
    for (const ms of queued) row.queued.push(ms);
  }
}

/** The table in Markdown, times in milliseconds. */
export function formatRecovery(rows: readonly RecoveryRow[]): string {
  const number = (ms: number | undefined) => (ms === undefined ? '–' : Math.round(ms).toLocaleString('en-US'));
  const cells = ({ affected, medianMs, p99Ms }: Recovery) =>
    `${number(affected)} | ${number(medianMs)} | ${number(p99Ms)}`;
  const lines = rows.map(
    ({ fault, transport, times, watched, published, queued }) =>
      `| ${transport === undefined ? fault : `${fault}, ${transport}`} | ${times} | ${number(watched)} | ${cells(published)} | ${number(published.maxMs)} | ${cells(queued)} |`,
  );
  return [
    '| fault | times | subscriptions | affected | median ms | p99 ms | max ms | queue: affected | median ms | p99 ms |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}

function episode({ name, injectedAt, healedAt, recoveredAt }: Fault, next: Fault | undefined): Episode {
  return {
    name,
    from: injectedAt - LEAD_MS,
    to: recoveredAt ?? next?.injectedAt ?? Number.POSITIVE_INFINITY,
    healedAt: healedAt ?? injectedAt,
    published: [],
    queued: [],
  };
}

function measure({ steps, client }: Subscription, episodes: readonly Episode[]): void {
  const lateMs = client.endsWith('-short-poll') ? LATE_BY_SHORT_POLL_MS : LATE_MS;
  const lastLate = { published: new Map<Episode, number>(), queued: new Map<Episode, number>() };
  /** What comes again after a gap was there before, and is not late; who saw no such gap sees nothing twice. */
  const seen = steps.what.some(({ kind }) => kind === 'gap') ? new Set<Publication>() : undefined;
  for (let index = 0; index < steps.what.length; index++) {
    const step = steps.what[index];
    if (step?.kind !== 'entry' || seen?.has(step.publication)) continue;
    seen?.add(step.publication);
    const at = steps.at[index] ?? 0;
    const { acknowledgedAt, invokedAt, by } = step.publication;
    const since = acknowledgedAt === Number.POSITIVE_INFINITY ? invokedAt : acknowledgedAt;
    if (!(at - since > lateMs)) continue;
    const late = by === 'queue' ? lastLate.queued : lastLate.published;
    for (const its of episodes) {
      if (since >= its.from && since < its.to) late.set(its, Math.max(late.get(its) ?? 0, at));
    }
  }
  for (const [its, last] of lastLate.published) its.published.push(Math.max(0, last - its.healedAt));
  for (const [its, last] of lastLate.queued) its.queued.push(Math.max(0, last - its.healedAt));
}

function summary(recoveries: number[]): Recovery {
  recoveries.sort((a, b) => a - b);
  return {
    affected: recoveries.length,
    medianMs: quantile(recoveries, 0.5),
    p99Ms: quantile(recoveries, 0.99),
    maxMs: recoveries.at(-1),
  };
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
