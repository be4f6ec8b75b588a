// Peers in a run: which lines they take part in, and that the report says where one wins.

import { describe, expect, it } from 'vitest';
import { toHtml } from '../../../loadtest/page/html.js';
import { toMarkdown } from '../../../loadtest/page/readme.js';
import { DEFAULTS, ENGINES, labelOf, planOf } from '../../../loadtest/plan/arm.js';
import { rivalsIn } from '../../../loadtest/run/rivals.js';
import { summarize } from '../../../loadtest/run/summary.js';
import { toTextTable } from '../../../loadtest/run/text-table.js';
import { labResult, trafficCounts } from './lab-results.js';

const traffic = (server: number) => ({ traffic: trafficCounts({ server }) });
/** Three rounds of uws and of nats under the same traffic, by the server's CPU. */
function beside(uws: readonly number[], nats: readonly number[]) {
  const links = 200;
  return labResult(
    [uws.map(traffic), nats.map(traffic)],
    [
      { engine: 'uws', links },
      { engine: 'nats', broker: 'none', links },
    ],
  );
}

describe('a plan with peers', () => {
  const { arms, leftOut } = planOf([
    {
      ...DEFAULTS,
      name: 'a',
      what: 'a',
      engine: ENGINES,
      broker: ['redis', 'memory'],
      transport: ['websocket', 'sse'],
    },
  ]);

  it('measures what has no broker once, whichever are asked for, and tells what a peer cannot', () => {
    const nchan = arms.filter(({ engine }) => engine === 'nchan').map(labelOf);
    expect(nchan).toEqual([
      expect.stringMatching(/nchan · websocket · none/),
      expect.stringMatching(/nchan · sse · none/),
    ]);
    expect(leftOut).toEqual(
      expect.arrayContaining([
        'a: bare, bare-ws, socketio, nats have no sse here',
        'a: socketio is not measured with the memory broker',
      ]),
    );
  });
});

describe('a peer', () => {
  it('that wins is told in every form of the report', () => {
    const result = beside([1, 1.1, 1.2], [0.5, 0.5, 0.6]);
    const said =
      'a peer wins: a · websocket · 200 links on 1 · 10/s × 128 B: deliveries per server CPU-second, times as good as uws: nats 2.20';
    for (const text of [toTextTable(result), toMarkdown(result), toHtml(result)]) expect(text).toContain(said);
    expect(toHtml(result)).toContain('<td><b>uws 0.45</b></td>');
  });

  it('that was measured by a single round may win', () => {
    expect(toTextTable(beside([1], [0.5]))).toContain('a peer may win, by a single round: a · websocket');
  });

  it('does not win where rounds of both overlap, or where it is behind', () => {
    expect(toTextTable(beside([1, 1.1, 1.2], [0.9, 1, 1.1]))).not.toContain('a peer wins');
    expect(toHtml(beside([1, 1.1, 1.2], [0.9, 1, 1.1]))).toContain('<td><b>(uws 0.91)</b></td>');
    expect(toTextTable(beside([0.5, 0.5, 0.6], [1, 1.1, 1.2]))).not.toContain('a peer wins');
    expect(toHtml(beside([0.5, 0.5, 0.6], [1, 1.1, 1.2]))).toContain('no peer wins any of these lines');
  });

  it('is held against the better engine, under the same traffic only', () => {
    const result = labResult(
      [[traffic(2)], [traffic(1)], [traffic(1)], [traffic(1)]],
      [
        { engine: 'ws', links: 200 },
        { engine: 'uws', links: 200 },
        { engine: 'nchan', links: 200 },
        { engine: 'nchan', links: 400 },
      ],
    );
    const ratios = rivalsIn(summarize(result)).filter(({ metric }) => metric === 'perCpuSecond');
    expect(ratios).toEqual([expect.objectContaining({ fanfare: 'uws', peer: 'nchan', ratio: 1 })]);
  });
});
