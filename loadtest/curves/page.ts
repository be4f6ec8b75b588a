// The section "How it grows" of docs/PERFORMANCE.md: a table for each curve, and below it why it is so.

import { isRefused, median } from '../figures.js';
import { EXPLANATIONS } from './explanations.js';
import type { DatedCurve } from './result.js';
import { COMMAND, type CurvesResult } from './result.js';

/** Of no result nothing is said. */
export function curvesSection(result: CurvesResult | undefined, explanations = EXPLANATIONS): string {
  if (result === undefined) return '';
  const { machine, curves } = result;
  const from = [...new Set(curves.map(({ date, commit }) => `on ${date} at commit ${commit}`))];
  return `## How it grows

Measured by \`${COMMAND}\` ${from.join(', ')}: ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, Redis ${machine.redis}. The tables show the median, and the extremes of
the repetitions, where there is more than one. CPU is that of floods in bursts of 64 logged messages with a payload of 128 bytes; each point has a fresh server, whose first
window is left out.

${curves.map((curve) => partOf(curve, explanations[curve.name])).join('\n')}`;
}

function partOf(curve: DatedCurve, explanation: string | undefined): string {
  const { what, x, unit, series } = curve;
  const xs = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const rows = xs.map((at) => [at.toLocaleString('en'), ...series.map(({ points }) => cellOf(curve, points, at))]);
  return `### ${what}

In ${unit}.

| ${[x, ...series.map(({ name }) => name)].join(' | ')} |
|${'---:|'.repeat(series.length + 1)}
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
${explanation === undefined ? '' : `\n${explanation}\n`}`;
}

function cellOf({ digits }: DatedCurve, points: DatedCurve['series'][number]['points'], x: number): string {
  const values = points.find((point) => point.x === x)?.values;
  if (values === undefined) return '–';
  if (isRefused({ values })) return 'refused';
  const show = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (values.length === 1) return show(median(values));
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
}
