// Plain counters as Prometheus text.

import { expect, it } from 'vitest';
import { createMetrics, type MetricsSource } from '../../../src/cli/metrics.js';

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

it('says what runs', async () => {
  expect(await metricsOf(() => ({})).text()).toMatch(
    /^fanfare_build_info\{version="1.2.3",engine="uws",role="node"\} 1$/m,
  );
});

it('tells of the process as well', async () => {
  const text = await metricsOf(() => ({}), {}).text();
  expect(text).toContain('process_resident_memory_bytes');
});
