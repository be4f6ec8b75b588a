// A Redis that cannot save and refuses writes: said everywhere, and survived for as long as it answers.

import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import { type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { startFanfare } from '../support/process.js';
import { readinessOf } from '../support/readiness.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ engines: ['uws', 'ws'], redis: { args: ['--save', '3600 1'] } });
});
afterAll(() => cluster?.close());

const detailOf = async (url: string, check: string) =>
  (await readinessOf(url)).checks.find(({ name }) => name === check)?.detail;

async function publish(data: number): Promise<{ readonly status: number; readonly text: string }> {
  const { url } = cluster.nodes.get('n1') ?? { url: '' };
  const response = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: 'news', data }),
  });
  return { status: response.status, text: await response.text() };
}

it('publishes are refused, everybody stays ready and says why, newcomers come in, and all goes on when it is over', async () => {
  const { redis, discovery, nodes } = cluster;
  const { admin } = redis;
  expect((await publish(1)).status).toBe(200);
  const client = createClient({ url: discovery.url, token: await cluster.token('u1') });
  const heard: unknown[] = [];
  client.subscribe('news', { after: '-1' }, ({ data }) => void heard.push(data));
  await expect.poll(() => heard).toEqual([1]);

  await rm(redis.directory, { recursive: true });
  await admin.call('BGSAVE');
  await expect.poll(() => admin.info('persistence')).toContain('rdb_last_bgsave_status:err');
  expect(await publish(2)).toMatchObject({ status: 503, text: expect.stringContaining('MISCONF') });
  // Longer than anybody counts as alive who does not report.
  const silentMs = async () => Date.now() - Number(await admin.hget('fanfare:{!cluster}:state', 'newest'));
  await expect.poll(silentMs, { interval: 500 }).toBeGreaterThan(16_000);

  for (const { url } of nodes.values()) {
    await publish(2);
    const { status, checks } = await readinessOf(url);
    expect([status, checks.filter(({ ok }) => !ok)]).toEqual([200, []]);
  }
  expect(await detailOf(nodes.get('n1')?.url ?? '', 'broker')).toMatch(
    /cannot persist.*\(MISCONF\): publishes are refused/,
  );
  expect((await readinessOf(discovery.url)).status).toBe(200);
  expect(await detailOf(discovery.url, 'registry')).toMatch(/MISCONF.*using the nodes known [0-6] s ago/);
  // One that was connected, one that comes, and a discovery that begins now.
  const late = await startFanfare(['discovery'], { env: cluster.env });
  await expect.poll(async () => (await readinessOf(late.url)).status).toBe(200);
  for (const url of [discovery.url, late.url]) {
    const newcomer = createClient({ url, token: await cluster.token('u2') });
    const got: unknown[] = [];
    newcomer.subscribe('news', { after: '-1' }, ({ data }) => void got.push(data));
    await expect.poll(() => got).toEqual([1]);
    newcomer.close();
  }
  await late.stop();

  await admin.config('SET', 'save', '');
  expect((await publish(3)).status).toBe(200);
  await expect.poll(() => heard).toEqual([1, 3]);
  await expect.poll(() => detailOf(discovery.url, 'registry')).toBe('');
  client.close();
});
