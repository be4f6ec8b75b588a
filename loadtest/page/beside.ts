// The part of the report that holds Fanfare beside its peers: a table of ratios, and who wins.

import { PEERS } from '../plan/arm.js';
import type { LabResult } from '../run/result.js';
import { type Rival, rivalsIn, winsOfPeers } from '../run/rivals.js';
import { METRICS, summarize } from '../run/summary.js';
import { escapeXml } from './svg.js';

/** Empty where no line has a peer beside it. */
export function besidePeers(result: LabResult): string {
  const summaries = summarize(result);
  const rivals = rivalsIn(summaries);
  if (rivals.length === 0) return '';
  const peers = PEERS.filter((peer) => rivals.some((rival) => rival.peer === peer));
  const rows = new Map<string, Rival[]>();
  for (const rival of rivals) {
    const label = [rival.scenario, rival.where, METRICS[rival.metric].name].join(' · ');
    rows.set(label, [...(rows.get(label) ?? []), rival]);
  }
  const wins = winsOfPeers(summaries);
  return `<h2>Beside peers</h2>
<p>How many times as good the better engine of Fanfare is, by medians of the same run. Below 1 the peer is better; a ratio in parentheses says
that rounds of both overlap. Under “How each server was configured” stands what each does and does not do for a message.</p>
<div class="wide" tabindex="0"><table><thead><tr><th scope="col">line</th>${peers
    .map((peer) => `<th scope="col">× ${peer}</th>`)
    .join('')}</tr></thead>
<tbody>
${[...rows]
  .map(
    ([label, some]) =>
      `<tr><th scope="row">${escapeXml(label)}</th>${peers.map((peer) => cell(some.find((one) => one.peer === peer))).join('')}</tr>`,
  )
  .join('\n')}
</tbody></table></div>
<ul>
${(wins.length > 0 ? wins : ['no peer wins any of these lines']).map((line) => `<li>${escapeXml(line)}</li>`).join('\n')}
</ul>`;
}

function cell(rival: Rival | undefined): string {
  if (rival === undefined) return '<td></td>';
  const text = `${rival.fanfare} ${rival.ratio.toFixed(2)}`;
  const shown = rival.isApart ? text : `(${text})`;
  return rival.ratio < 1 ? `<td><b>${shown}</b></td>` : `<td>${shown}</td>`;
}
