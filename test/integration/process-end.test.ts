// How servers end, in processes of their own: what is told to whom, and when the doors close.

import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { FEEDS } from '../support/feed.js';
import { runFanfare, startFanfare } from '../support/process.js';

/** Within it a client that is new comes in, on a machine that does other things too. */
const DELAY_MS = 2_500;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    engines: ['uws', 'ws'],
    env: { FANFARE_DRAIN_DELAY: `${DELAY_MS}ms`, FANFARE_LOG_LEVEL: 'info' },
  });
});
afterAll(() => cluster?.close());

/** A request on a connection of its own; its status, or the code of what went wrong. */
function statusOf(url: string): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    asked.end();
  });
}

/** What `/readyz` says until nobody answers any more. */
async function lastWords(url: string): Promise<readonly (number | string)[]> {
  const seen: (number | string)[] = [];
  for (;;) {
    const status = await statusOf(`${url}/readyz`);
    seen.push(status);
    if (typeof status === 'string') return seen;
    await pause(20);
  }
}

const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
async function states(): Promise<Record<string, string>> {
  const answer = await (await fetch(`${cluster.discovery.url}/v1/nodes`, { headers })).json();
  const { nodes } = answer as { nodes: readonly { id: string; state: string }[] };
  return Object.fromEntries(nodes.map(({ id, state }) => [id, state]));
}

describe('SIGTERM and SIGHUP', () => {
  it.each<[NodeJS.Signals, 'uws' | 'ws']>([
    ['SIGTERM', 'uws'],
    ['SIGTERM', 'ws'],
    ['SIGHUP', 'uws'],
  ])('%s has a node on %s say 503 at once, serve on for the delay, and end with 0', async (signal, engine) => {
    const node = await cluster.startNode('n3', engine);
    await expect.poll(states).toMatchObject({ n3: 'ready' });
    const beganMs = performance.now();
    node.kill(signal);
    await node.logged('is about to be drained');
    const words = lastWords(node.url);
    await expect.poll(states).toMatchObject({ n3: 'draining' });
    // Whoever still comes is served.
    const feed = FEEDS.websocket?.({ url: node.url, ticket: await cluster.ticket('u1') }, { news: 'now' });
    expect((await feed?.events.nextOf('subscribed', 'closed'))?.type).toBe('subscribed');
    expect((await feed?.events.nextOf('move', 'closed'))?.type).toBe('move');
    feed?.close();
    expect((await node.finished).code).toBe(0);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(DELAY_MS);
    const statuses = await words;
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([503]));
    expect(statuses.at(-1)).toMatch(/^ECONN/);
  });

  it('has discovery say 503 at once, serve on for the delay, and end with 0', async () => {
    const env = { ...sharedEnv(), FANFARE_DRAIN_DELAY: `${DELAY_MS}ms` };
    const discovery = await startFanfare(['discovery'], { env });
    expect(await statusOf(`${discovery.url}/readyz`)).toBe(200);
    discovery.kill('SIGTERM');
    await discovery.logged('draining');
    const words = lastWords(discovery.url);
    const Authorization = `Bearer ${await cluster.token('u1')}`;
    const answer = await fetch(`${discovery.url}/v1/connect`, { method: 'POST', headers: { Authorization } });
    expect(answer.status).toBe(200);
    expect((await discovery.finished).code).toBe(0);
    const statuses = await words;
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([503]));
    expect(statuses.length).toBeGreaterThan(10);
  });

  it('a second ends the delay, a third the process', async () => {
    const env = { ...sharedEnv(), FANFARE_DRAIN_DELAY: '20s', FANFARE_NODE_ID: 'n4' };
    const node = await startFanfare(['node'], { env });
    const feed = FEEDS.websocket?.({ url: node.url, ticket: await cluster.ticket('u1') }, { news: 'now' });
    await feed?.events.nextOf('subscribed');
    node.kill('SIGTERM');
    await node.logged('is about to be drained');
    node.kill('SIGTERM');
    expect((await feed?.events.nextOf('move'))?.type).toBe('move');
    node.kill('SIGTERM');
    expect((await node.finished).code).toBe(143);
    feed?.close();
  });
});

it('SIGINT drains without a delay', async () => {
  const env = { ...sharedEnv(), FANFARE_DRAIN_DELAY: '20s', FANFARE_NODE_ID: 'n5' };
  const node = await startFanfare(['node'], { env });
  node.kill('SIGINT');
  const { code, stderr } = await node.finished;
  expect([code, stderr.includes('about to be drained')]).toEqual([0, false]);
});

it('a drain by an operator has no delay, and the SIGTERM of the platform that follows cuts nobody off', async () => {
  const env = { ...sharedEnv(), FANFARE_DRAIN_DELAY: '20s', FANFARE_NODE_ID: 'n6' };
  const node = await startFanfare(['node'], { env });
  const feed = FEEDS.websocket?.({ url: node.url, ticket: await cluster.ticket('u1') }, { news: 'now' });
  await feed?.events.nextOf('subscribed');
  const answer = await fetch(`${cluster.discovery.url}/v1/nodes/n6/drain`, { method: 'POST', headers });
  expect(answer.status).toBe(202);
  await feed?.events.nextOf('move');
  node.kill('SIGTERM');
  expect(await feed?.events.nextOf('closed')).toMatchObject({ code: 4000 });
  expect((await node.finished).code).toBe(0);
});

describe('a node whose id another one has', () => {
  it('does not begin: no ready line, and 73', async () => {
    const { code, stdout, stderr } = await runFanfare(['node'], { env: { ...sharedEnv(), FANFARE_NODE_ID: 'n1' } });
    expect([code, stdout]).toEqual([73, '']);
    expect(stderr).toContain('another node has the id n1');
    expect(stderr).not.toContain('node is ready');
    expect(await states()).toMatchObject({ n1: 'ready' });
  });

  it('while it serves: is not ready, moves its clients in time, and ends with 73', async () => {
    const node = await cluster.startNode('n7', 'uws');
    const feed = FEEDS.websocket?.({ url: node.url, ticket: await cluster.ticket('u1') }, { news: 'now' });
    await feed?.events.nextOf('subscribed');
    // As another start under the same id leaves the record.
    const key = 'fanfare:{!cluster}:nodes';
    const record = JSON.parse(String(await cluster.redis.admin.hget(key, 'n7')));
    const past = `${record.past} ${record.incarnation}`.trim();
    await cluster.redis.admin.hset(key, 'n7', JSON.stringify({ ...record, incarnation: 'the-next', past }));

    expect((await feed?.events.nextOf('move', 'closed'))?.type).toBe('move');
    const movedMs = performance.now();
    expect(await statusOf(`${node.url}/readyz`)).toBe(503);
    expect(await feed?.events.nextOf('closed')).toMatchObject({ code: 4000 });
    expect(performance.now() - movedMs).toBeGreaterThan(1_000);
    expect((await node.finished).code).toBe(73);
  });
});

/** What the cluster's processes share. */
function sharedEnv(): Record<string, string> {
  return { ...cluster.env, FANFARE_LOG_LEVEL: 'info' };
}
