// `--compare a.json b.json`: what moved from one result to another beyond what its own rounds differ by.

import { faultsOfResult, type LabResult } from '../run/result.js';
import {
  METRIC_NAMES,
  METRICS,
  type MetricName,
  type Spread,
  type Summary,
  showSpread,
  summarize,
} from '../run/summary.js';

/** With fewer rounds nobody knows what the noise is. */
const LEAST_ROUNDS = 3;
/** Chosen: rounds of one run may lie closer together than two runs of the same do. */
const LEAST_CHANGE = 0.03;

export interface Move {
  readonly label: string;
  readonly metric: MetricName;
  readonly before: Spread;
  readonly after: Spread;
  readonly verdict: 'better' | 'worse' | 'within noise' | 'too few rounds';
}

export function compareResults(before: LabResult, after: LabResult): readonly Move[] {
  const others = new Map(summarize(after).map((summary) => [summary.label, summary]));
  return summarize(before).flatMap((one) => {
    const other = others.get(one.label);
    return other === undefined ? [] : METRIC_NAMES.flatMap((metric) => moveOf(metric, one, other));
  });
}

function moveOf(metric: MetricName, one: Summary, other: Summary): readonly Move[] {
  const [before, after] = [one.spreads[metric], other.spreads[metric]];
  if (before === undefined || after === undefined) return [];
  return [{ label: one.label, metric, before, after, verdict: verdictOf(metric, before, after) }];
}

/** Moved: no round of one lies among the rounds of the other, and the medians are apart. */
function verdictOf(metric: MetricName, before: Spread, after: Spread): Move['verdict'] {
  if (before.values.length < LEAST_ROUNDS || after.values.length < LEAST_ROUNDS) return 'too few rounds';
  const isApart = after.low > before.high || after.high < before.low;
  const change = Math.abs(after.median - before.median) / Math.max(Math.abs(before.median), Number.MIN_VALUE);
  if (!isApart || change < LEAST_CHANGE) return 'within noise';
  return after.median > before.median === (METRICS[metric].better === 'more') ? 'better' : 'worse';
}

export function describeComparison(before: LabResult, after: LabResult): string {
  const moves = compareResults(before, after);
  const moved = moves.filter(({ verdict }) => verdict === 'better' || verdict === 'worse');
  const count = (wanted: Move['verdict']) => moves.filter(({ verdict }) => verdict === wanted).length;
  const labels = (result: LabResult) => new Set(summarize(result).map(({ label }) => label));
  const missing = (one: LabResult, other: LabResult, where: string) =>
    [...labels(one)].filter((label) => !labels(other).has(label)).map((label) => `only in the ${where}: ${label}`);
  return [
    `before: ${before.machine.commit}, ${before.begun}; after: ${after.machine.commit}, ${after.begun}`,
    ...(['cpu', 'kernel', 'node', 'redis'] as const)
      .filter((key) => before.machine[key] !== after.machine[key])
      .map((key) => `NOT ALIKE: ${key} was ${before.machine[key]}, then ${after.machine[key]}`),
    ...moved.map((move) => `${move.verdict.toUpperCase()}: ${tell(move)}`),
    `${moved.length} of ${moves.length} figures moved, ${count('within noise')} within noise, ${count('too few rounds')} with fewer than ${LEAST_ROUNDS} rounds`,
    ...missing(before, after, 'first'),
    ...missing(after, before, 'second'),
    ...[before, after].flatMap(faultsOfResult).map((fault) => `INVALID: ${fault}`),
  ].join('\n');
}

function tell({ label, metric, before, after }: Move): string {
  const { name, unit, digits } = METRICS[metric];
  const percent = ((after.median / before.median - 1) * 100).toFixed(1);
  return `${label}: ${name} ${showSpread(before, digits)} → ${showSpread(after, digits)} ${unit} (${Number(percent) > 0 ? '+' : ''}${percent} %)`;
}
