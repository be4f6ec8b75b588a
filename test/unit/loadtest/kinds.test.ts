// What a plan may hold besides rates, how it is told, and how a ramp, a storm and a cluster's commands are read.

import { describe, expect, it } from 'vitest';
import { toHtml } from '../../../loadtest/page/html.js';
import { type Arm, DEFAULTS, labelOf, planOf, type Scenario } from '../../../loadtest/plan/arm.js';
import { encodeLogged } from '../../../loadtest/publisher.js';
import { commandsIn } from '../../../loadtest/redis-cluster.js';
import { summarize } from '../../../loadtest/run/summary.js';
import { toTextTable } from '../../../loadtest/run/text-table.js';
import { describeScale, type ScaleResult, unevennessOf } from '../../../loadtest/scale.js';
import { labResult } from './lab-results.js';

function planned(columns: Partial<Scenario>) {
  const { arms, leftOut } = planOf([{ ...DEFAULTS, transport: ['websocket'], name: 'a', what: 'a', ...columns }]);
  return { labels: arms.map(labelOf), leftOut };
}

describe('a plan', () => {
  it('tells links that read badly, and how messages are published, where it is not the usual way', () => {
    const { labels } = planned({ links: [100], slow: [0, 5], publishedBy: ['fcall', 'http'] });
    expect(labels.map((label) => label.split(' · ').slice(4).join(' · '))).toEqual([
      '100 links on 1 · 10/s × 128 B',
      '100 links on 1 · 10/s × 128 B http',
      '100 links on 1, 5 read badly · 10/s × 128 B',
      '100 links on 1, 5 read badly · 10/s × 128 B http',
    ]);
  });

  it('publishes by HTTP where there is no Redis, and to peers in their own way', () => {
    const { arms } = planOf([
      { ...DEFAULTS, name: 'a', what: 'a', engine: ['uws', 'nats'], broker: ['memory'], transport: ['websocket'] },
    ]);
    expect(arms.map(({ publishedBy }) => publishedBy)).toEqual(['http', 'own']);
  });

  it('joins the messages of a tick for WebSockets of a Fanfare alone, and says so', () => {
    const { labels } = planned({ engine: ['uws', 'bare'], transport: ['websocket', 'sse'], joins: [false, true] });
    expect(labels.map((label) => label.split(' · ').slice(1, 3).join(' '))).toEqual([
      'uws websocket',
      'uws websocket, joined',
      'uws sse',
      'bare websocket',
    ]);
  });

  it.each<[Partial<Scenario>, string]>([
    [{ transport: ['short-poll'], rate: ['ramp'] }, 'short polls come when they come: no ramp'],
    [{ transport: ['sse'], rate: ['returns'] }, 'not sse on uws'],
    [{ rate: ['returns'], batch: [101] }, 'a channel keeps 100 messages, not 101'],
    [{ slow: [200], links: [200] }, 'links that read badly stand beside others'],
    [{ broker: ['cluster'], publishedBy: ['xadd'] }, 'not by xadd'],
  ])('leaves out %j, and says why', (columns, reason) => {
    const { labels, leftOut } = planned(columns);
    expect(labels).toEqual([]);
    expect(leftOut.join()).toContain(reason);
  });
});

describe('a result', () => {
  const steps = [1, 2, 3].map((step) => ({
    ...{ perSecond: step, deliveriesPerSecond: step * 1_000, serverShare: step / 4, p99Ms: step },
  }));
  const RAMP: Partial<Arm> = { rate: 'ramp', scenario: 'ramp' };

  it('tells the knee of a ramp, draws its steps, and says why it ended', () => {
    const result = labResult(
      [[{ ramp: { steps, reason: 'at 4.0 messages a second: the server was saturated' } }]],
      [RAMP],
    );
    expect(summarize(result)[0]?.spreads.knee?.median).toBe(3_000);
    for (const text of [toTextTable(result), toHtml(result)])
      expect(text).toContain('ended at 4.0 messages a second: the server was saturated');
    expect(toHtml(result)).toContain('<figcaption>ramp to the knee: p99, ms');
  });

  it('tells storms by the CPU that each client took', () => {
    const storm = { clients: 4_000, seconds: 2, server: 0.5, redis: 0.1 };
    const { spreads } = summarize(labResult([[{ storm }]], [{ rate: 'connects' }]))[0] ?? {};
    expect(spreads?.clientsPerCpu?.median).toBe(8_000);
    expect(spreads?.stormSeconds?.median).toBe(2);
  });
});

it('commands of Redis are told apart with their keys, whatever is in them', () => {
  const all = [encodeLogged('a:1', '"x\r\n*5\r\n"'), encodeLogged('äö', '1')];
  const found = [...commandsIn(Buffer.concat(all))];
  expect(found.map(({ key }) => key)).toEqual(['a:1', 'äö']);
  expect(found.map(({ command }) => command)).toEqual(all);
});

describe('a run over several nodes', () => {
  const share = { links: 100, residentMiB: 50, kibPerLink: 3 };
  const RESULT: ScaleResult = {
    ...{ format: 'fanfare-scale-1', date: '2026-01-02', machine: labResult([]).machine, links: 200, openSeconds: 1 },
    ...{ heartbeatSeconds: 60, nodes: [share, share], unevenness: 0, p50Ms: 1, p99Ms: 2, faults: [] },
    broadcasts: [{ reached: 200, seconds: 0.1 }],
  };

  it('is as uneven as the node that is farthest from the mean', () => {
    expect(unevennessOf([100, 100, 100])).toBe(0);
    expect(unevennessOf([90, 105, 105])).toBeCloseTo(0.1, 9);
  });

  it('says of a broadcast that did not reach all that it is invalid', () => {
    expect(describeScale(RESULT)).not.toContain('INVALID');
    expect(describeScale({ ...RESULT, broadcasts: [{ reached: 199, seconds: 5 }] })).toContain(
      'INVALID: a broadcast reached 199 of 200',
    );
  });
});
