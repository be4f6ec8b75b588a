// A port for operators: what moves there from the port of clients, on every process, and what it says of nodes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { SocketClient } from '../support/feed.js';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const WITH_KEY = { Authorization: `Bearer ${ADMIN_KEY}` };

const status = async (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  (await fetch(url, { method, headers })).status;
const json = async (url: string, headers: Record<string, string> = {}) => (await fetch(url, { headers })).json();

describe('with a port of their own, operators', () => {
  let cluster: Cluster;
  let all: readonly ServerProcess[];
  beforeAll(async () => {
    cluster = await startCluster({ engines: ['uws', 'ws'], env: { FANFARE_OPS_PORT: '0' } });
    all = [cluster.discovery, ...cluster.nodes.values()];
  });
  afterAll(() => cluster?.close());

  it('find there what the port of clients no longer has', async () => {
    for (const { url, ops = '' } of all) {
      expect([await status(`${url}/metrics`, WITH_KEY), await status(`${url}/livez`)]).toEqual([404, 200]);
      await expect.poll(() => status(`${url}/readyz`)).toBe(200);
      const { checks } = await json(`${url}/readyz`, WITH_KEY);
      expect(checks.length).toBeGreaterThan(0);
      for (const check of checks) expect(Object.keys(check)).toEqual(['name', 'ok']);
      expect([await status(`${ops}/metrics`), await status(`${ops}/metrics`, WITH_KEY)]).toEqual([403, 200]);
      const told = await json(`${ops}/readyz`, WITH_KEY);
      for (const check of told.checks) expect(Object.keys(check).sort()).toEqual(['detail', 'name', 'ok', 'sinceMs']);
      expect(await status(`${ops}/livez`)).toBe(200);
    }
  });

  it('have nothing of clients there', async () => {
    for (const { ops = '' } of all) {
      for (const path of ['/', '/v1/connect', '/v1/poll', '/v1/publish', '/v1/stream', '/v1/ws']) {
        expect([path, await status(`${ops}${path}`, WITH_KEY, 'POST')]).toEqual([path, 404]);
      }
    }
  });

  it('see of each node what runs there, since when, and why it is as it is; administration stays where it was', async () => {
    const { url, ops } = cluster.discovery;
    const n3 = await cluster.startNode('n3', 'ws', { FANFARE_MAX_CONNECTIONS: '1' });
    const link = new SocketClient(n3.url);
    link.connect(await cluster.ticket('u1'));
    await link.events.nextOf('connected');
    await eventually(async () => {
      const { nodes } = await json(`${ops}/v1/nodes`, WITH_KEY);
      const found = nodes.map(({ id, engine, state, why = '' }: Record<string, string>) => [id, engine, state, why]);
      const text = JSON.stringify(found.sort());
      return (
        /^\[\["n1","uws","ready",""\],\["n2","ws","ready",""\],\["n3","ws","full","1 of 1 links, .*"\]\]$/.test(text) ||
        text
      );
    }, 10_000);
    for (const node of (await json(`${ops}/v1/nodes`, WITH_KEY)).nodes) {
      expect(node).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/), startedAtMs: expect.any(Number) });
    }
    link.close();
    expect([await status(`${ops}/v1/nodes`), await status(`${url}/v1/nodes`, WITH_KEY)]).toEqual([401, 404]);
    expect(await status(`${url}/v1/nodes/n3/drain`, {}, 'POST')).toBe(401);
    expect(await status(`${url}/v1/nodes/n3/drain`, WITH_KEY, 'POST')).toBe(202);
    expect((await n3.finished).code).toBe(0);
  });

  it('are served while a node is about to end, and told so', async () => {
    const node = await cluster.startNode('n4', 'uws', { FANFARE_DRAIN_DELAY: '2s', FANFARE_LOG_LEVEL: 'info' });
    node.kill('SIGTERM');
    await node.logged('draining');
    const { ready, checks } = await json(`${node.ops}/readyz`, WITH_KEY);
    expect([ready, checks[0]]).toEqual([false, expect.objectContaining({ name: 'node', detail: 'leaving' })]);
    expect((await node.finished).code).toBe(0);
    await expect(fetch(`${node.ops}/livez`)).rejects.toThrow();
  });
});

it('start has it too, for this machine alone where there is no key, and refuses an address that is taken', async () => {
  const server = await startFanfare(['start'], { env: { FANFARE_PORT: '0', FANFARE_OPS_PORT: '0' } });
  const { url, ops = '' } = server;
  expect(await json(`${ops}/v1/nodes`)).toMatchObject({ nodes: [{ state: 'ready' }] });
  expect([await status(`${ops}/metrics`), await status(`${url}/metrics`)]).toEqual([200, 404]);
  const behindProxy = { 'X-Forwarded-For': '192.0.2.1' };
  expect([await status(`${ops}/metrics`, behindProxy), await status(`${ops}/v1/nodes`, behindProxy)]).toEqual([
    403, 403,
  ]);
  const taken = { FANFARE_PORT: '0', FANFARE_OPS_PORT: new URL(ops).port };
  const { code, stderr } = await runFanfare(['start'], { env: taken });
  expect([code, stderr]).toEqual([78, expect.stringContaining('address in use')]);
  expect((await server.stop()).code).toBe(0);
});
