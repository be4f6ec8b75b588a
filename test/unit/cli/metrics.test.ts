// Plain counters as Prometheus text.

import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/cli/metrics.js';

it('reads the counters when it is asked, those that appear later included', async () => {
  let stats: Record<string, number> = { connections: 1, slowConsumers: 2 };
  const metrics = createMetrics({ labels: { role: 'node' }, stats: () => stats });
  expect(await metrics.text()).toMatch(/^fanfare_connections\{role="node"\} 1$/m);
  stats = { connections: 0, slowConsumers: 5, waitingPolls: 7 };
  const text = await metrics.text();
  expect(text).toMatch(/^# TYPE fanfare_connections gauge\n.* 0$/m);
  expect(text).toMatch(/^# TYPE fanfare_slow_consumers_total counter\n.* 5$/m);
  expect(text).toMatch(/^# TYPE fanfare_waiting_polls gauge\n.* 7$/m);
});

it('has a label for what a figure counts apart', async () => {
  const counts = { 'refusals.token_expired': 3, 'refusals.forbidden': 1, refused: 4 };
  const text = await createMetrics({ labels: { role: 'node' }, stats: () => counts }).text();
  expect(text).toMatch(/^fanfare_refusals_total\{code="token_expired",role="node"\} 3$/m);
  expect(text).toMatch(/^fanfare_refusals_total\{code="forbidden",role="node"\} 1$/m);
  expect(text.match(/^# TYPE fanfare_refusals_total counter$/gm)).toHaveLength(1);
});

it('tells of the process as well', async () => {
  const text = await createMetrics({ labels: {}, stats: () => ({}) }).text();
  expect(text).toContain('process_resident_memory_bytes');
});
