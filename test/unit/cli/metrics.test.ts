// Plain counters as Prometheus text.

import { expect, it } from 'vitest';
import { createMetrics, type MetricsSource } from '../../../src/cli/metrics.js';
import { Histogram } from '../../../src/lib/histogram.js';

const build = () => ({ version: '1.2.3', engine: 'uws' });

function metricsOf(stats: MetricsSource['stats'], labels: MetricsSource['labels'] = { role: 'node' }) {
  return createMetrics({ labels, build, stats });
}

it('reads the counters when it is asked, those that appear later included', async () => {
  let stats: Record<string, number> = { connections: 1, slowConsumers: 2 };
  const metrics = metricsOf(() => stats);
  expect(await metrics.text()).toMatch(/^fanfare_connections\{role="node"\} 1$/m);
  stats = { connections: 0, slowConsumers: 5, waitingPolls: 7 };
  const text = await metrics.text();
  expect(text).toMatch(/^# TYPE fanfare_connections gauge\n.* 0$/m);
  expect(text).toMatch(/^# TYPE fanfare_slow_consumers_total counter\n.* 5$/m);
  expect(text).toMatch(/^# TYPE fanfare_waiting_polls gauge\n.* 7$/m);
});

it('has a label for what a figure counts apart', async () => {
  const counts = { 'refusals.token_expired': 3, 'refusals.forbidden': 1, refused: 4 };
  const text = await metricsOf(() => counts).text();
  expect(text).toMatch(/^fanfare_refusals_total\{code="token_expired",role="node"\} 3$/m);
  expect(text).toMatch(/^fanfare_refusals_total\{code="forbidden",role="node"\} 1$/m);
  expect(text.match(/^# TYPE fanfare_refusals_total counter$/gm)).toHaveLength(1);
});

it('makes one metric of figures that are parts of it, and leaves their sum to whoever asks', async () => {
  const counts = { deliveredSockets: 2, deliveredStreams: 3, delivered: 5, stateReady: 1, stateFull: 0 };
  const text = await metricsOf(() => counts).text();
  expect(text).toMatch(/^fanfare_deliveries_total\{transport="websocket",role="node"\} 2$/m);
  expect(text).toMatch(/^fanfare_deliveries_total\{transport="sse",role="node"\} 3$/m);
  expect(text).toMatch(/^# TYPE fanfare_state gauge\n(.*\n)*fanfare_state\{state="full",role="node"\} 0$/m);
  expect(text).not.toContain('delivered');
});

it('makes a histogram of durations that were counted elsewhere', async () => {
  const took = new Histogram();
  for (const ms of [0.5, 3, 3, 7_000, -1]) took.add(ms);
  const text = await metricsOf(() => took.stats('handover')).text();
  const name = 'fanfare_publish_to_handover_seconds';
  expect(text.match(new RegExp(`^# TYPE ${name}\\S* .*$`, 'gm'))).toEqual([`# TYPE ${name} histogram`]);
  const of = (part: string) => text.match(new RegExp(`^${name}_${part}.*$`, 'gm'));
  expect(of('bucket')).toHaveLength(13);
  expect(of('bucket')?.slice(0, 3)).toEqual([
    `${name}_bucket{le="0.001",role="node"} 2`,
    `${name}_bucket{le="0.0025",role="node"} 2`,
    `${name}_bucket{le="0.005",role="node"} 4`,
  ]);
  expect(of('bucket')?.at(-1)).toBe(`${name}_bucket{le="+Inf",role="node"} 5`);
  expect([of('sum'), of('count')]).toEqual([[`${name}_sum{role="node"} 7.0065`], [`${name}_count{role="node"} 5`]]);
});

it('says what runs', async () => {
  expect(await metricsOf(() => ({})).text()).toMatch(
    /^fanfare_build_info\{version="1.2.3",engine="uws",role="node"\} 1$/m,
  );
});

it('tells of the process as well', async () => {
  const text = await metricsOf(() => ({}), {}).text();
  expect(text).toContain('process_resident_memory_bytes');
});
