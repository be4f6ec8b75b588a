// What operators and accidents do to a Redis under load, seen by clients on every transport of two nodes, and by probes.

import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { SocketClient } from '../support/feed.js';
import { byHttp, byRedis, Publisher, publishingClient } from '../support/load.js';
import { metricOf, readinessOf } from '../support/readiness.js';
import type { Refusal, SteadyClient } from '../support/steady-client.js';
import { caughtUp, expectAllHeld, expectEverything, heldBy, openCrowd, TRANSPORTS } from '../support/steady-crowd.js';

const PUBLISH_EVERY_MS = 10;
/** Messages of each publisher before and after the fault. */
const AROUND = 30;
const WITHIN = { timeout: 15_000, interval: 20 };

let cluster: Cluster;
let client: Redis;
const refusals: Refusal[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    engines: ['uws', 'ws'],
    env: { FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: 2_000 } }) },
  });
  client = publishingClient(cluster.redis.host, cluster.redis.port);
});
afterAll(async () => {
  client?.disconnect();
  await cluster?.close();
});

afterEach(async () => {
  const { admin } = cluster.redis;
  await admin.call('REPLICAOF', 'NO', 'ONE');
  await admin.config('SET', 'maxmemory', '0');
  for (const node of cluster.nodes.values()) node.kill('SIGCONT');
});

const urls = () => [...cluster.nodes.values()].map(({ url }) => url);
const urlOf = (id: string) => cluster.nodes.get(id)?.url ?? '';
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

async function metricOfAll(name: string): Promise<number> {
  return sum(await Promise.all(urls().map((url) => metricOf(url, name))));
}

interface Load {
  readonly crowd: readonly SteadyClient[];
  readonly publishers: readonly Publisher[];
}

/** Each transport at each node reads two channels, one published to by FCALL and one by HTTP, while `fault` happens. */
async function underLoad(name: string, fault: (load: Load) => Promise<unknown>): Promise<Load> {
  const channels = { redis: `room:${name}-redis`, http: `room:${name}-http` };
  const crowd = await openCrowd(cluster, 2 * TRANSPORTS.length, () => Object.values(channels));
  const publishers = [
    new Publisher(channels.redis, PUBLISH_EVERY_MS, byRedis(client)),
    new Publisher(channels.http, PUBLISH_EVERY_MS, byHttp(urlOf('n1'), PUBLISH_KEY, refusals)),
  ];
  refusals.length = 0;
  const goOn = async () => {
    const wanted = publishers.map(({ acknowledged }) => acknowledged.length + AROUND);
    const reached = () => publishers.every(({ acknowledged }, n) => acknowledged.length >= (wanted[n] ?? 0));
    await expect.poll(reached, WITHIN).toBe(true);
  };
  try {
    for (const publisher of publishers) publisher.start();
    await goOn();
    await fault({ crowd, publishers });
    await goOn();
  } catch (error) {
    for (const publisher of publishers) publisher.abandon();
    throw error;
  }
  for (const publisher of publishers) await publisher.stop();
  await caughtUp(crowd, publishers, 20_000);
  for (const one of crowd) one.close();
  return { crowd, publishers };
}

async function everyNode(status: number): Promise<void> {
  for (const url of urls()) await expect.poll(async () => (await readinessOf(url)).status, WITHIN).toBe(status);
}

/** Nothing twice, nothing out of order; a gap tells of what is gone, and nothing that Redis still holds is missing. */
async function expectSignalledLoss({ crowd, publishers }: Load): Promise<void> {
  for (const publisher of publishers) {
    const held = await heldBy(cluster.redis, publisher.channel);
    // One may have been stored before and acknowledged after.
    expect(held.size).toBeGreaterThanOrEqual(AROUND - 1);
    expectAllHeld(crowd, publisher, held);
    for (const { transport, gaps } of crowd) {
      const mine = gaps.filter(({ channel }) => channel === publisher.channel);
      expect(mine.length, transport).toBeGreaterThan(0);
      for (const { reason } of mine) expect(['lost', 'rewritten']).toContain(reason);
    }
  }
}

it('CLIENT KILL TYPE pubsub, again and again: nothing lost, nothing twice, and counted', async () => {
  const before = await metricOfAll('subscriber_disconnects_total');
  const load = await underLoad('killed', async ({ publishers }) => {
    for (let round = 1; round <= 3; round++) {
      await cluster.redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      // One of each node. That it is ready may still be said of the connection that was killed.
      await expect.poll(() => metricOfAll('subscriber_disconnects_total'), WITHIN).toBe(before + 2 * round);
      await everyNode(200);
      const mark = publishers[0]?.acknowledged.length ?? 0;
      await expect.poll(() => publishers[0]?.acknowledged.length, WITHIN).toBeGreaterThan(mark + 5);
    }
  });
  expectEverything(load.crowd, load.publishers);
  expect(await metricOfAll('subscriber_disconnects_total')).toBe(before + 6);
});

it('FUNCTION DELETE and FUNCTION FLUSH: the library is loaded again, and nothing is lost', async () => {
  const { admin } = cluster.redis;
  const libraries = async () => JSON.stringify(await admin.call('FUNCTION', 'LIST'));
  const load = await underLoad('functions', async () => {
    await admin.call('FUNCTION', 'DELETE', 'fanfare');
    await expect.poll(libraries, WITHIN).toContain('fanfare_publish');
    await admin.call('FUNCTION', 'FLUSH');
    await expect.poll(libraries, WITHIN).toContain('fanfare_publish');
  });
  expectEverything(load.crowd, load.publishers);
  // The node that published met it itself, and sent the message again.
  expect(refusals).toEqual([]);
});

it('a library of an older revision is replaced when a node connects, a newer one is followed', async () => {
  const { admin } = cluster.redis;
  const [library] = (await admin.call('FUNCTION', 'LIST', 'WITHCODE')) as string[][];
  const code = library?.[library.indexOf('library_code') + 1] ?? '';
  const revision = Number(/REVISION = (\d+)/.exec(code)?.[1]);
  const inForce = async () => Number(((await admin.call('FCALL', 'fanfare_version', 0)) as unknown[])[0]);
  const load = async (other: number) => {
    await admin.call('FUNCTION', 'LOAD', 'REPLACE', code.replace(/REVISION = \d+/, `REVISION = ${other}`));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await everyNode(200);
  };
  const seen = await underLoad('revisions', async () => {
    await load(revision - 1);
    await expect.poll(inForce, WITHIN).toBe(revision);
    await load(revision + 7);
    expect(await inForce()).toBe(revision + 7);
  });
  expectEverything(seen.crowd, seen.publishers);
  await load(revision);
});

it('at maxmemory publishes are refused with 507, live messages arrive, and history is read on', async () => {
  const { admin } = cluster.redis;
  const load = await underLoad('full', async ({ crowd }) => {
    const socket = new SocketClient(urlOf('n2'));
    socket.connect(await cluster.ticket('live'));
    socket.command({ type: 'subscribe', channels: { 'room:live': 'now' } });
    await socket.events.nextOf('subscribed');
    await admin.config('SET', 'maxmemory', '1mb');
    await expect.poll(() => refusals.length, WITHIN).toBeGreaterThan(3);
    for (const { status, code } of refusals) expect(`${status} ${code}`).toBe('507 storage_full');
    await admin.publish('fanfare:{room:live}', '"still here"');
    expect(await socket.events.nextOf('message')).toMatchObject({ data: 'still here' });
    // A newcomer gets what is there.
    const channel = [...(crowd[0]?.heard.keys() ?? [])][0] ?? '';
    socket.command({ type: 'subscribe', channels: { [channel]: '-1' } });
    expect(await socket.events.nextOf('message')).toMatchObject({ channel, data: 0 });
    // One that asks for a channel that nobody ever used waits: its first position would have to be stored.
    socket.command({ type: 'subscribe', channels: { 'room:unheard-of': '-1' } });
    const { status, checks } = await readinessOf(urlOf('n1'));
    expect(status).toBe(200);
    expect(checks.find(({ name }) => name === 'broker')?.detail).toContain('maxmemory: publishes are refused');
    // Nodes go on reporting, and discovery goes on reserving places.
    const reportedAt = () => admin.hget('fanfare:{!cluster}:state', 'newest');
    const then = await reportedAt();
    await expect.poll(reportedAt, WITHIN).not.toBe(then);
    await cluster.ticket('while-full');
    await admin.config('SET', 'maxmemory', '0');
    expect(await socket.events.nextOf('subscribed', 'error', 'closed')).toMatchObject({ channel: 'room:unheard-of' });
    socket.socket.close();
  });
  expectEverything(load.crowd, load.publishers);
  const detail = async () => (await readinessOf(urlOf('n1'))).checks.find(({ name }) => name === 'broker')?.detail;
  await expect.poll(detail, { ...WITHIN, interval: 250 }).toBe('');
});

it('a Redis that was made a read-only replica is named by /readyz, and used again once promoted', async () => {
  const { admin } = cluster.redis;
  const load = await underLoad('replica', async () => {
    await admin.call('REPLICAOF', '127.0.0.1', '1');
    await everyNode(503);
    for (const url of urls()) {
      const failing = async () => (await readinessOf(url)).checks.filter(({ ok }) => !ok);
      const named = { name: 'broker', detail: expect.stringContaining('read-only replica') };
      await expect.poll(failing, WITHIN).toContainEqual(expect.objectContaining(named));
    }
    expect(refusals.some(({ status, code }) => status === 503 && code === 'broker_unavailable')).toBe(true);
    await admin.call('REPLICAOF', 'NO', 'ONE');
    await everyNode(200);
  });
  expectEverything(load.crowd, load.publishers);
});

it('client-output-buffer-limit cuts off a node that does not read: it catches up from the log, and counts', async () => {
  const { admin } = cluster.redis;
  const node = cluster.nodes.get('n1');
  const before = await metricOf(urlOf('n1'), 'subscriber_disconnects_total');
  const subscribers = async () =>
    String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
      .split('\n')
      .filter((line) => line.includes(' name=fanfare-subscriber ')).length;
  await expect.poll(subscribers, WITHIN).toBe(2);
  await admin.config('SET', 'client-output-buffer-limit', 'pubsub 256kb 0 0');
  const channel = 'room:flood';
  const crowd = await openCrowd(cluster, 2 * TRANSPORTS.length, () => [channel]);
  const flood = new Publisher(channel, 0, byRedis(client));
  const publish = async (data: string) => {
    const offset = String(await admin.call('FCALL', 'fanfare_publish', 1, channel, JSON.stringify(data)));
    flood.acknowledged.push({ offset, data });
  };
  await publish('first');
  await caughtUp(crowd, [flood], 20_000);
  node?.kill('SIGSTOP');
  // Until it is cut off: the buffers of the system take some megabytes first.
  for (let n = 0; (await subscribers()) === 2 && n < 1_000; n++) await publish(`${n}-${'x'.repeat(32_000)}`);
  expect(await subscribers()).toBe(1);
  node?.kill('SIGCONT');
  await caughtUp(crowd, [flood], 20_000);
  expectEverything(crowd, [flood]);
  expect(await metricOf(urlOf('n1'), 'subscriber_disconnects_total')).toBeGreaterThan(before);
  await admin.config('SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
  for (const one of crowd) one.close();
});

it('FLUSHALL: each client is told a gap, then hears everything that is published from then on', async () => {
  const lost = 'gaps_total{reason="lost",role="node"}';
  const before = await metricOfAll(lost);
  const load = await underLoad('flushed', () => cluster.redis.admin.flushall());
  await expectSignalledLoss(load);
  expect(await metricOfAll(lost)).toBeGreaterThan(before);
});

it('a restart without persistence: the library is loaded again, each client is told a gap, and nothing later is lost', async () => {
  const load = await underLoad('restarted', async () => {
    await cluster.redis.restart();
    await everyNode(200);
  });
  await expectSignalledLoss(load);
});
