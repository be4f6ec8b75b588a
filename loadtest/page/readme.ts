// What a README shows of a result: a table in Markdown, and one picture that looks the same on light and dark paper.

import type { LabResult } from '../run/result.js';
import { METRICS, type MetricName, type Summary, summarize } from '../run/summary.js';
import { cellOf, remarksOf } from '../run/text-table.js';
import { shortLabel } from './charts.js';
import { barChart } from './svg.js';

const COLUMNS: readonly MetricName[] = ['serverUs', 'perCpuSecond', 'p50Ms', 'p99Ms', 'wireBytes', 'linkKiB'];

export function toMarkdown(result: LabResult): string {
  const heads = COLUMNS.map(
    (name) => `${METRICS[name].name}${METRICS[name].unit === '' ? '' : `, ${METRICS[name].unit}`}`,
  );
  const rows = summarize(result).map((summary) => [summary.label, ...COLUMNS.map((name) => cellOf(summary, name))]);
  const { machine, command, begun } = result;
  return [
    `Made by \`${command}\` on ${begun.slice(0, 10)} at commit ${machine.commit}: ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}.`,
    '',
    `| | ${heads.join(' | ')} |`,
    `|---|${heads.map(() => '---:').join('|')}|`,
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    '',
    ...remarksOf(result).map((line) => `- ${line.replace(/^\*/, '\\*')}`),
    '',
  ].join('\n');
}

/** The scenario with most lines that have the figure; `undefined`: none has two. */
export function toPicture(result: LabResult): string | undefined {
  const groups = new Map<string, Summary[]>();
  for (const summary of summarize(result)) {
    if (summary.spreads.perCpuSecond === undefined) continue;
    groups.set(summary.arm.scenario, [...(groups.get(summary.arm.scenario) ?? []), summary]);
  }
  const [scenario, summaries = []] = [...groups].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  if (scenario === undefined || summaries.length < 2) return undefined;
  const bars = summaries.flatMap((summary) => {
    const spread = summary.spreads.perCpuSecond;
    const label = shortLabel(summary, summaries);
    return spread === undefined
      ? []
      : [{ label, value: spread.median, low: spread.low, high: spread.high, text: cellOf(summary, 'perCpuSecond') }];
  });
  const title = `deliveries per server CPU-second, scenario ${scenario}`;
  const svg = barChart(
    title,
    bars.sort((a, b) => b.value - a.value),
  );
  return svg.replace(
    />\n/,
    `>\n<title>${title}</title>\n<style>${PICTURE_STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n`,
  );
}

/** Its own paper, so that it can be read wherever it is put. */
const PICTURE_STYLE =
  'text{fill:#1a1a1a;font:12px system-ui,sans-serif}.value{text-anchor:end}.bar{fill:#8fb3dd;stroke:#1a1a1a;stroke-width:.5}.whisker{stroke:#1a1a1a;fill:none;stroke-width:1.5}';
