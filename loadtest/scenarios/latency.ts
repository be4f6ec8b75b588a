// From the time when a message is due to the last byte at the client, on a machine that does nothing else.

import type { Figure } from '../figures.js';
import { type Lab, openStage } from '../lab.js';
import { pace } from '../traffic.js';
import { BUDGETS } from './budgets.js';
import { SHARED } from './crowds.js';

const RHYTHM = { perSecond: 100, seconds: 5, latency: true, lingerMs: 300 };

/** 10 WebSockets on one channel, 100 messages a second. */
export async function publishLatency(lab: Lab): Promise<readonly Figure[]> {
  const what = '`FCALL` due to delivery';
  const stage = await openStage(lab, { kind: 'uws' }, { ...SHARED, clients: 10 });
  const p50: number[] = [];
  const p99: number[] = [];
  try {
    await pace(stage.logged, RHYTHM);
    for (let round = 0; round < lab.pairs; round += 1) {
      const measured = await lab.judge.sound(what, () => pace(stage.logged, RHYTHM));
      p50.push((measured?.report.latency?.getValueAtPercentile(50) ?? Number.NaN) / 1000);
      p99.push((measured?.report.latency?.getValueAtPercentile(99) ?? Number.NaN) / 1000);
    }
  } finally {
    await stage.close();
  }
  lab.log(`  ${what}: p99 ${p99.map((ms) => ms.toFixed(2)).join(', ')} ms`);
  return [
    { what, values: p99, unit: 'ms p99', digits: 2, budget: BUDGETS.latency.uws },
    { what, values: p50, unit: 'ms p50', digits: 2 },
  ];
}
