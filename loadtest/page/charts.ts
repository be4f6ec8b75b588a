// Which charts a result is shown in: one chart for each figure of each scenario, with every line of it.

import type { LabResult, RampStep } from '../run/result.js';
import { METRICS, type MetricName, type Summary, showSpread, summarize } from '../run/summary.js';
import { type Bar, barChart, lineChart, logAxis, percentileAxis } from './svg.js';

export interface Chart {
  readonly title: string;
  readonly svg: string;
}

const PERCENTILES = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99];
const BARS: readonly MetricName[] = [
  'perCpuSecond',
  'serverUs',
  'redisUs',
  'messagesPerSecond',
  'contextSwitches',
  'wireBytes',
  'bytesDown',
  'clientsPerCpu',
  'stormSeconds',
  'knee',
  'linkKiB',
];

export interface Section {
  readonly scenario: string;
  readonly charts: readonly Chart[];
}

export function sectionsOf(result: LabResult): readonly Section[] {
  const groups = new Map<string, Summary[]>();
  for (const summary of summarize(result)) {
    groups.set(summary.arm.scenario, [...(groups.get(summary.arm.scenario) ?? []), summary]);
  }
  return [...groups].map(([scenario, summaries]) => ({ scenario, charts: chartsOf(summaries) }));
}

function chartsOf(summaries: readonly Summary[]): readonly Chart[] {
  return [
    latency(summaries),
    ...BARS.map((name) => bars(summaries, name)),
    ...repolling(summaries),
    ...ramps(summaries),
  ].filter((chart) => chart !== undefined);
}

/** What tells a line from the others of its scenario. */
export function shortLabel({ label, arm }: Summary, among: readonly Summary[]): string {
  const parts = label.split(' · ').slice(1);
  const all = among.filter((one) => one.arm.scenario === arm.scenario).map((one) => one.label.split(' · ').slice(1));
  const telling = parts.filter((part, at) => all.some((other) => other[at] !== part));
  return telling.length > 0 ? telling.join(' · ') : parts.slice(0, 2).join(' · ');
}

function bars(summaries: readonly Summary[], name: MetricName): Chart | undefined {
  const metric = METRICS[name];
  const title = `${metric.name}${metric.unit === '' ? '' : `, ${metric.unit}`}`;
  const made = summaries.flatMap((summary): Bar[] => {
    const spread = summary.spreads[name];
    if (spread === undefined) return [];
    const text = `${showSpread(spread, metric.digits)}${summary.marks.length > 0 ? '*' : ''}`;
    return [{ label: shortLabel(summary, summaries), value: spread.median, low: spread.low, high: spread.high, text }];
  });
  const sorted = made.sort((a, b) => (metric.better === 'more' ? b.value - a.value : a.value - b.value));
  return sorted.length === 0 ? undefined : { title, svg: barChart(title, sorted) };
}

function latency(summaries: readonly Summary[]): Chart | undefined {
  const title = 'latency by percentile, ms from due to delivered';
  const lines = summaries.flatMap((summary) => {
    const { latency: histogram } = summary;
    if (histogram === undefined) return [];
    const points = PERCENTILES.map((x) => ({ x, y: histogram.getValueAtPercentile(x) / 1_000 }));
    return [{ label: shortLabel(summary, summaries), points }];
  });
  if (lines.length === 0) return undefined;
  const up = logAxis(
    'ms',
    lines.flatMap(({ points }) => points.map(({ y }) => y)),
  );
  return { title, svg: lineChart(title, lines, percentileAxis('percentile'), up) };
}

/** Against the pause between polls; what holds a link has one cost, drawn from end to end. */
function repolling(summaries: readonly Summary[]): readonly Chart[] {
  const polls = summaries.filter(({ arm }) => arm.transport === 'short-poll');
  const pauses = [...new Set(polls.map(({ arm }) => arm.pollEvery))].sort((a, b) => a - b);
  const [least = 0, most = 0] = [pauses[0], pauses.at(-1)];
  if (pauses.length < 2) return [];
  return (['serverUs', 'wireBytes', 'p50Ms'] as const).flatMap((name) => {
    const { name: what, unit } = METRICS[name];
    const value = (summary: Summary) => summary.spreads[name]?.median;
    const byEngine = new Map<string, { x: number; y: number }[]>();
    for (const summary of summaries) {
      const y = value(summary);
      if (y === undefined) continue;
      const { transport, pollEvery } = summary.arm;
      const key = withoutPause(summary, summaries);
      const points = transport === 'short-poll' ? [{ x: pollEvery, y }] : [least, most].map((x) => ({ x, y }));
      byEngine.set(key, [...(byEngine.get(key) ?? []), ...points]);
    }
    const lines = [...byEngine].map(([label, points]) => ({ label, points: points.sort((a, b) => a.x - b.x) }));
    if (lines.length === 0) return [];
    const title = `cost of re-polling against delay: ${what}, ${unit}`;
    const ys = lines.flatMap(({ points }) => points.map(({ y }) => y));
    return [{ title, svg: lineChart(title, lines, logAxis('ms between polls', pauses), logAxis(unit, ys)) }];
  });
}

/** How much of a processor, and how late, at each step of the ramps. */
function ramps(summaries: readonly Summary[]): readonly Chart[] {
  const told = summaries.filter(({ steps }) => steps.length > 1);
  if (told.length === 0) return [];
  const across = logAxis(
    'deliveries a second',
    told.flatMap(({ steps }) => steps.map(({ deliveriesPerSecond }) => deliveriesPerSecond)),
  );
  const drawn = [
    { what: 'p99', unit: 'ms', of: ({ p99Ms }: RampStep) => p99Ms },
    { what: "the server's processor", unit: '%', of: ({ serverShare }: RampStep) => serverShare * 100 },
  ];
  return drawn.map(({ what, unit, of }) => {
    const title = `ramp to the knee: ${what}, ${unit}`;
    const lines = told.map((summary) => ({
      label: shortLabel(summary, summaries),
      points: summary.steps.map((step) => ({ x: step.deliveriesPerSecond, y: of(step) })),
    }));
    const ys = lines.flatMap(({ points }) => points.map(({ y }) => y));
    return { title, svg: lineChart(title, lines, across, logAxis(unit, ys)) };
  });
}

/** What a line is called whatever its pause: server, transport, broker, and what else tells it from others. */
function withoutPause(summary: Summary, among: readonly Summary[]): string {
  const partsOf = ({ label }: Summary) =>
    label
      .replace(/short-poll \d+ ms/, 'short-poll')
      .split(' · ')
      .slice(1);
  const all = among.map(partsOf);
  return partsOf(summary)
    .filter((part, at) => at < 3 || all.some((other) => other[at] !== part))
    .join(' · ');
}
