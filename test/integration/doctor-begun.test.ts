// `fanfare doctor` on a cluster that is just being started: what is true for a moment alone is no finding.

import { afterAll, expect, it } from 'vitest';
import type { Report } from '../../src/cli/doctor/doctor.js';
import { startCluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { runFanfare } from '../support/process.js';
import { readinessOf } from '../support/readiness.js';
import { startUpgradelessProxy } from '../support/upgradeless-proxy.js';

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

it('finds nothing wrong with a discovery whose first node starts while it asks', async () => {
  const cluster = await startCluster({ engines: [], redis: { args: ['--appendonly', 'yes'] } });
  closing.push(() => cluster.close());
  const { discovery, env } = cluster;
  const said: number[] = [];
  const startNode = async () => {
    await cluster.startNode('n1', 'uws');
    await eventually(async () => {
      const { status } = await readinessOf(discovery.url);
      return status === 200 || String(status);
    }, 30_000);
  };
  const proxy = await startUpgradelessProxy(discovery.url, async (path) => {
    if (path !== '/readyz') return;
    // The first answer is that of a discovery without a node.
    if (said.push((await readinessOf(discovery.url)).status) === 2) await startNode();
  });
  closing.push(() => proxy.close());
  const { code, stdout, stderr } = await runFanfare(['doctor', '--json'], { env: { ...env, FANFARE_URL: proxy.url } });
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout) as Report).toMatchObject({ findings: [], asked: expect.arrayContaining(['node n1']) });
  expect(said.slice(0, 2)).toEqual([503, 503]);
});
