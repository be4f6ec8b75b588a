// Redis fails over under load: delivery resumes by itself, nothing acknowledged afterwards is lost, and `/readyz` tells the truth.

import { afterEach, expect, it } from 'vitest';
import { type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { byHttp, Publisher } from '../support/load.js';
import { Probe } from '../support/probe.js';
import { type Readiness, ReadinessWatch } from '../support/readiness.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { startSentinel } from '../support/redis-sentinel.js';
import type { SteadyClient } from '../support/steady-client.js';
import { caughtUp, expectAllHeld, heldBy, openCrowd, TRANSPORTS } from '../support/steady-crowd.js';

const SAMPLE_MS = 100;
/** Specified: three canaries, a second each, and one until they are counted; 5 s where Redis owes an answer. */
const KNOWN_WITHIN_MS = 5_000;
/** Chosen: between two probes and two samples on a busy machine. */
const SLACK_MS = 1_000;
const WITHIN = { timeout: 20_000, interval: 20 };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface World {
  readonly cluster: Cluster;
  readonly crowd: readonly SteadyClient[];
  readonly publishers: readonly Publisher[];
}

/** Two nodes, each with a client on each transport and a publisher for each channel. */
async function startWorld(redisUrl: string, channels: readonly string[]): Promise<World> {
  const cluster = await startCluster({
    engines: ['uws', 'ws'],
    env: { FANFARE_REDIS_URL: redisUrl, FANFARE_NAMESPACES: '{"default":{"historySize":5000}}' },
  });
  closing.push(() => cluster.close());
  const crowd = await openCrowd(cluster, 2 * TRANSPORTS.length, () => channels);
  closing.push(() => crowd.map((client) => client.close()));
  const urls = [...cluster.nodes.values()].map(({ url }) => url);
  const publishers = channels.map(
    (channel, n) => new Publisher(channel, 20, byHttp(urls[n % urls.length] ?? '', PUBLISH_KEY, [])),
  );
  closing.push(() => publishers.map((publisher) => publisher.abandon()));
  for (const publisher of publishers) publisher.start();
  await eachGoesOn(publishers);
  await caughtUp(crowd, publishers, 10_000);
  return { cluster, crowd, publishers };
}

async function eachGoesOn(publishers: readonly Publisher[]): Promise<void> {
  const marks = publishers.map(({ acknowledged }) => acknowledged.length + 30);
  const reached = () => publishers.every(({ acknowledged }, n) => acknowledged.length >= (marks[n] ?? 0));
  await expect.poll(reached, WITHIN).toBe(true);
}

/** Watches each node from outside while `fault` happens and until publishing goes on; judges what it saw. */
async function expectTruthThrough({ cluster, crowd, publishers }: World, channel: string, fault: () => unknown) {
  const nodes = await Promise.all(
    [...cluster.nodes.values()].map(async ({ url }) => ({
      probe: await Probe.start(cluster, url, channel),
      watch: new ReadinessWatch(url, SAMPLE_MS),
    })),
  );
  closing.push(() => Promise.all(nodes.flatMap(({ probe, watch }) => [probe.stop(), watch.stop()])));
  for (const { probe } of nodes) await expect.poll(() => probe.deliveries.length, WITHIN).toBeGreaterThan(5);
  const faultAtMs = Date.now();
  await fault();
  await eachGoesOn(publishers);
  const goesOnAtMs = Date.now();
  for (const { probe, watch } of nodes) {
    await expect.poll(() => probe.deliveries.at(-1), WITHIN).toBeGreaterThan(goesOnAtMs);
    await expect.poll(() => watch.samples.at(-1)?.status, WITHIN).toBe(200);
  }
  const figures = [];
  for (const { probe, watch } of nodes) {
    probe.stop();
    figures.push(judge(probe.deliveries, await watch.stop(), faultAtMs));
  }
  for (const publisher of publishers) await publisher.stop();
  await caughtUp(crowd, publishers, 10_000);
  console.log(JSON.stringify(figures));
}

function judge(deliveries: readonly number[], samples: readonly Readiness[], faultAtMs: number) {
  // Who says ready has delivered within the time in which the contrary is known, or is about to.
  for (const { atMs, status } of samples) {
    if (status !== 200) continue;
    const truthful = deliveries.some((at) => at > atMs - KNOWN_WITHIN_MS - SLACK_MS && at < atMs + SLACK_MS);
    expect(truthful, `ready ${atMs - faultAtMs} ms after the fault`).toBe(true);
  }
  const silentFrom = deliveries.findIndex((at, n) => (deliveries[n + 1] ?? 0) - at > SLACK_MS);
  expect(silentFrom, 'the fault had no effect').toBeGreaterThan(-1);
  const resumedMs = (deliveries[silentFrom + 1] ?? 0) - faultAtMs;
  const refused = samples.filter(({ status }) => status !== 200);
  for (const { checks } of refused) {
    const failing = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(failing.length).toBeGreaterThan(0);
    // Revocations are not confirmed without a master, which is known after a time of its own.
    expect(failing.filter((name) => name !== 'broker' && name !== 'revocations')).toEqual([]);
  }
  // None at all where the failover was quicker than the canary.
  const notReadyMs = refused.map(({ atMs }) => atMs - faultAtMs);
  return { resumedMs, notReadyFromMs: notReadyMs[0], notReadyUntilMs: notReadyMs.at(-1) };
}

async function expectNothingLostSilently({ crowd, publishers }: World, masterOf: (channel: string) => unknown) {
  for (const publisher of publishers) {
    const master = (await masterOf(publisher.channel)) as RedisServer;
    const held = await heldBy(master, publisher.channel);
    // What was acknowledged after the failover is there.
    for (const { offset } of publisher.acknowledged.slice(-30)) expect(held).toContain(offset);
    expectAllHeld(crowd, publisher, held);
  }
}

it('a master that hangs behind Sentinel is left, and /readyz is true throughout', async () => {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  closing.push(() => master.stop());
  const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] });
  closing.push(() => replica.stop());
  await expect.poll(() => replica.admin.info('replication'), WITHIN).toContain('master_link_status:up');
  const sentinel = await startSentinel(master);
  closing.push(() => sentinel.stop());
  const world = await startWorld(sentinel.url, ['room:1', 'room:2']);
  await expectTruthThrough(world, 'room:probe', master.pause);
  expect(await replica.admin.info('replication')).toContain('role:master');
  await expectNothingLostSilently(world, () => replica);
});

it('the channels of a killed master of a Redis Cluster rest, the others go on, and /readyz is true throughout', async () => {
  const redis: RedisCluster = await startRedisCluster();
  closing.push(() => redis.stop());
  const keyOf = (channel: string) => `fanfare:{${channel}}:log`;
  const lost = await redis.masterOf(keyOf('room:0'));
  const names = [...Array(12).keys()].map((n) => `room:${n}`);
  const masters = await Promise.all(names.map((name) => redis.masterOf(keyOf(name))));
  const elsewhere = names.find((_, n) => masters[n] !== lost) ?? '';
  const same = names.find((_, n) => n > 0 && masters[n] === lost) ?? '';
  const world = await startWorld(redis.url, ['room:0', elsewhere]);
  const other = world.publishers[1];
  await expectTruthThrough(world, same, async () => {
    await lost.kill();
    const mark = other?.acknowledged.length ?? 0;
    // Before any replica can have been promoted.
    await expect.poll(() => other?.acknowledged.length, { interval: 10 }).toBeGreaterThan(mark + 10);
  });
  await expectNothingLostSilently(world, (channel) => masterAmong(redis, lost, keyOf(channel)));
});

/** The master of a key among those that are left. */
async function masterAmong(
  { servers }: RedisCluster,
  lost: RedisServer,
  key: string,
): Promise<RedisServer | undefined> {
  for (const server of servers) {
    if (server === lost) continue;
    const serves = await server.admin.exists(key).then(
      () => true,
      () => false,
    );
    if (serves) return server;
  }
  return undefined;
}
