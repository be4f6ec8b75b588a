// A result as a table in the terminal, with all that is to be said of it below.

import { faultsOfResult, type LabResult } from './result.js';
import { winsOfPeers } from './rivals.js';
import { METRICS, type MetricName, type Summary, showSpread, summarize } from './summary.js';

const COLUMNS: readonly (readonly [heading: string, name: MetricName])[] = [
  ['server µs/delivery', 'serverUs'],
  ['p50 ms', 'p50Ms'],
  ['p99 ms', 'p99Ms'],
  ['B down', 'bytesDown'],
  ['B up', 'bytesUp'],
  ['TCP/IP B', 'wireBytes'],
  ['KiB/link', 'linkKiB'],
  ['clients/CPU-s', 'clientsPerCpu'],
  ['knee', 'knee'],
];

export function toTextTable(result: LabResult): string {
  const summaries = summarize(result);
  const cells = [
    ['', 'rounds', ...COLUMNS.map(([heading]) => heading)],
    ...summaries.map((summary) => [
      summary.label,
      `${summary.counted}/${result.rounds}`,
      ...COLUMNS.map(([, name]) => cellOf(summary, name)),
    ]),
  ];
  const widths = cells[0]?.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0))) ?? [];
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, '', ...remarksOf(result)].join('\n').trimEnd();
}

/** A figure, one that was let pass (`*`), or that it was refused. */
export function cellOf({ spreads, marks, counted, measured }: Summary, name: MetricName): string {
  const spread = spreads[name];
  if (spread !== undefined) return `${showSpread(spread, METRICS[name].digits)}${marks.length > 0 ? '*' : ''}`;
  return counted === 0 && measured > 0 ? 'refused' : '';
}

/** Everything that whoever reads the figures has to know besides. */
export function remarksOf(result: LabResult): readonly string[] {
  return [...warningsOf(result), ...winsOfPeers(summarize(result)), ...leftOutOf(result)];
}

export function leftOutOf({ leftOut }: LabResult): readonly string[] {
  return leftOut.map((reason) => `left out: ${reason}`);
}

/** What figures are worth less for, and why ramps ended. */
export function warningsOf(result: LabResult): readonly string[] {
  const summaries = summarize(result);
  const faults = faultsOfResult(result);
  const refused = summaries.flatMap(({ label, refused }) => refused.map((reason) => `${label}: ${reason}`));
  const doubts = refused.filter((one) => !faults.includes(one));
  const short = summaries.filter(({ measured }) => measured < result.rounds);
  return [
    'median (lowest–highest round)',
    ...alikeAsOne(faults.map((fault) => `INVALID: ${fault}`)),
    ...alikeAsOne(doubts.map((doubt) => `refused: ${doubt}`)),
    ...atMost(summaries.flatMap(({ label, marks }) => marks.map((mark) => `* do not quote: ${label}: ${mark}`))),
    ...(short.length > 0
      ? [`not finished: ${short.length} of ${summaries.length} lines have fewer than ${result.rounds} rounds`]
      : []),
    ...summaries.flatMap(({ label, ends }) => ends.map((end) => `ramp: ${label}: ended ${end}`)),
  ];
}

/** What differs by its last numbers alone, as rounds of one line do, is said once. */
function alikeAsOne(lines: readonly string[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const line of lines) {
    const key = line.replace(/[^:]*$/, (reason) => reason.replace(/\d+/g, '#'));
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups.values()].map(([first = '', ...others]) =>
    others.length === 0 ? first : `${first} (and ${others.length} more like it)`,
  );
}

/** Chosen: a machine that was busy all the time is known by the first few. */
const MOST_MARKS = 5;

function atMost(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_MARKS) return lines;
  return [...lines.slice(0, MOST_MARKS), `* do not quote: ${lines.length - MOST_MARKS} more, all in the raw result`];
}
