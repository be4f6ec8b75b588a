// From FCALL to the last byte at the client, on a machine that does nothing else.

import { type Figure, most } from '../figures.js';
import { check, type Lab, openStage } from '../lab.js';
import { pace } from '../traffic.js';

const RHYTHM = { perSecond: 100, seconds: 5, latency: true, lingerMs: 300 };

/** 10 WebSockets on one channel, 100 messages a second. */
export async function publishLatency(lab: Lab): Promise<readonly Figure[]> {
  const stage = await openStage(lab, 'uws', {
    clients: 10,
    spread: 'shared',
    transport: 'websocket',
    payloadBytes: 128,
  });
  const p50: number[] = [];
  const p99: number[] = [];
  try {
    await pace(stage.logged, RHYTHM);
    for (let round = 0; round < lab.pairs; round += 1) {
      const measured = await pace(stage.logged, RHYTHM);
      check(lab, stage.logged, measured, 0);
      p50.push((measured.report.latency?.getValueAtPercentile(50) ?? Number.NaN) / 1000);
      p99.push((measured.report.latency?.getValueAtPercentile(99) ?? Number.NaN) / 1000);
    }
  } finally {
    await stage.close();
  }
  const what = '`FCALL` publish to delivery';
  lab.log(`  ${what}: p99 ${p99.map((ms) => ms.toFixed(2)).join(', ')} ms`);
  return [
    { what, values: p99, unit: 'ms p99', digits: 2, budget: most(5) },
    { what, values: p50, unit: 'ms p50', digits: 2 },
  ];
}
