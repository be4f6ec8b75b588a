// The report: one HTML file that needs nothing else, light, dark, on paper and on a phone, with its raw result inside.

import type { LabResult } from '../run/result.js';
import { METRIC_NAMES, METRICS, type Summary, summarize } from '../run/summary.js';
import { cellOf, leftOutOf, warningsOf } from '../run/text-table.js';
import { besidePeers } from './beside.js';
import { sectionsOf } from './charts.js';
import { STYLE } from './style.js';
import { escapeXml } from './svg.js';

export function toHtml(result: LabResult): string {
  const { machine, command, begun, rounds } = result;
  const facts: readonly (readonly [string, string])[] = [
    ['command', command],
    ['begun', begun],
    ['commit', machine.commit],
    ['processors', machine.cpu],
    ['memory', `${machine.memoryGiB} GiB`],
    ['kernel', `Linux ${machine.kernel}`],
    ['Node', machine.node],
    ['Redis', machine.redis],
    ['rounds', `${rounds}, servers in turn, a fresh one for each measurement`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Fanfare: the load lab</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>The load lab</h1>
<p>Servers, transports and rates side by side. Figures are medians of rounds, with the lowest and the highest round; percentiles are
those of all latencies of all rounds together.</p>
<table class="facts"><tbody>
${facts.map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escapeXml(value)}</td></tr>`).join('\n')}
</tbody></table>
${remarks(result)}
${besidePeers(result)}
${sectionsOf(result)
  .map(
    ({ scenario, charts }) =>
      `<section>\n<h2>${escapeXml(scenario)}</h2>\n<div class="charts">\n${charts.map(figure).join('\n')}\n</div>\n</section>`,
  )
  .join('\n')}
${tables(result)}
${words()}
${configurations(result)}
<h2>Raw result</h2>
<details><summary>JSON</summary><pre id="result">${escapeXml(JSON.stringify(result, null, 1))}</pre></details>
</main>
</body>
</html>
`;
}

function figure({ title, svg }: { readonly title: string; readonly svg: string }): string {
  return `<figure><figcaption>${escapeXml(title)}</figcaption>\n${svg}</figure>`;
}

function remarks(result: LabResult): string {
  const lines = [...warningsOf(result), ...leftOutOf(result)].map((line) => {
    const isLoud = /^(INVALID|refused|\* do not|left out: MISSING)/.test(line);
    return `<li${isLoud ? ' class="loud"' : ''}>${escapeXml(line)}</li>`;
  });
  return `<h2>To know first</h2>\n<ul class="remarks">\n${lines.join('\n')}\n</ul>`;
}

/** A table for each scenario, with the figures that it has: all together are wider than a page. */
function tables(result: LabResult): string {
  const summaries = summarize(result);
  const parts = [...new Set(summaries.map(({ arm }) => arm.scenario))].map((scenario) =>
    table(
      scenario,
      summaries.filter(({ arm }) => arm.scenario === scenario),
      result.rounds,
    ),
  );
  return `<h2>Every figure</h2>\n${parts.join('\n')}`;
}

function table(scenario: string, summaries: readonly Summary[], rounds: number): string {
  const names = METRIC_NAMES.filter((name) => summaries.some(({ spreads }) => spreads[name] !== undefined));
  const heads = names.map((name) => {
    const { name: title, unit } = METRICS[name];
    return `<th scope="col">${title}<br><small>${unit}</small></th>`;
  });
  const rows = summaries.map((summary) => {
    const { label, counted } = summary;
    const cells = names.map((name) => `<td>${escapeXml(cellOf(summary, name))}</td>`);
    return `<tr><th scope="row">${escapeXml(label)}</th><td>${counted}/${rounds}</td>${cells.join('')}</tr>`;
  });
  return `<h3>${escapeXml(scenario)}</h3>
<div class="wide" tabindex="0"><table><thead><tr><th scope="col">line</th><th scope="col">rounds</th>${heads.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function words(): string {
  return `<h2>What the words mean</h2>
<ul>
<li><b>CPU</b>: user and system time of all threads of the process, per delivered message; Redis and the drivers (publisher and clients) apart.</li>
<li><b>a window</b>: CPU and bytes are divided by the deliveries that came while they were counted. Short polls are published to for one
pause before it, so that it holds as many deliveries as messages.</li>
<li><b>bytes down, up</b>: at the clients' sockets, with the framing of HTTP and WebSocket.</li>
<li><b>TCP/IP bytes</b>: both ways, with 52 bytes of headers for each segment that the kernel counted. On loopback segments are large: on
a real network, long messages take more of them.</li>
<li><b>latency</b>: from the moment when a message was due, whether or not the publisher was late, to its last byte at the client.</li>
<li><b>memory per link</b>: the slope of the server's resident memory from a fifth of the links to all of them.</li>
</ul>`;
}

function configurations({ configurations: all }: LabResult): string {
  const parts = Object.entries(all).map(
    ([name, text]) => `<details><summary>${escapeXml(name)}</summary><pre>${escapeXml(text)}</pre></details>`,
  );
  return `<h2>How each server was configured</h2>\n${parts.join('\n')}`;
}
