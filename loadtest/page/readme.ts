// What a README shows of a result: a table in Markdown, and one picture that looks the same on light and dark paper.

import { faultsOfResult, type LabResult } from '../run/result.js';
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
function largestOf(result: LabResult): readonly [scenario: string, summaries: readonly Summary[]] | undefined {
  const groups = new Map<string, Summary[]>();
  for (const summary of summarize(result)) {
    if (summary.spreads.perCpuSecond === undefined) continue;
    groups.set(summary.arm.scenario, [...(groups.get(summary.arm.scenario) ?? []), summary]);
  }
  const [largest] = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return largest === undefined || largest[1].length < 2 ? undefined : largest;
}

const SHORT_COLUMNS: readonly MetricName[] = ['perCpuSecond', 'p99Ms', 'wireBytes'];

/** README's part: the picture, the table of its scenario, and the command that made both; `undefined`: there is nothing to show. */
export function toReadme(result: LabResult, picture: string): string | undefined {
  const largest = largestOf(result);
  if (largest === undefined) return undefined;
  const [scenario, summaries] = largest;
  const { machine, command, begun } = result;
  const heads = SHORT_COLUMNS.map((name) => `${METRICS[name].name}${METRICS[name].unit && `, ${METRICS[name].unit}`}`);
  return [
    ...ABOUT,
    '',
    `![${TITLE}, scenario ${scenario}](${picture})`,
    '',
    `| scenario ${scenario} | ${heads.join(' | ')} |`,
    `|---|${heads.map(() => '---:|').join('')}`,
    ...summaries.map(
      (summary) =>
        `| ${[shortLabel(summary, summaries), ...SHORT_COLUMNS.map((name) => cellOf(summary, name))].join(' | ')} |`,
    ),
    '',
    `Made by \`${command}\` on ${begun.slice(0, 10)} at commit ${machine.commit}, on ${machine.cpu}; medians with the lowest and the highest round.`,
    ...faultsOfResult(result).map((fault) => `INVALID: ${fault}`),
  ].join('\n');
}

const ABOUT: readonly string[] = [
  '`npm run loadtest` measures Fanfare beside bare loops on uWebSockets.js and ws, Socket.IO with its Redis adapter, nchan and nats-server, those of them that are installed, under the same traffic and in turn, and',
  'writes a report: what each delivery costs by transport, where short polls are cheaper than links that are held, and where another server is better.',
];
const TITLE = 'deliveries per server CPU-second';

/** Of the largest scenario; `undefined`: there is nothing to draw. */
export function toPicture(result: LabResult): string | undefined {
  const largest = largestOf(result);
  if (largest === undefined) return undefined;
  const [scenario, summaries] = largest;
  const bars = summaries.flatMap((summary) => {
    const spread = summary.spreads.perCpuSecond;
    const label = shortLabel(summary, summaries);
    return spread === undefined
      ? []
      : [{ label, value: spread.median, low: spread.low, high: spread.high, text: cellOf(summary, 'perCpuSecond') }];
  });
  const title = `${TITLE}, scenario ${scenario}`;
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
