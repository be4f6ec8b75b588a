// Redis is away under load: no link drops, nothing acknowledged is lost, and afterwards all is as it was.
// FANFARE_TEST_OUTAGE_MS sets for how long at least, FANFARE_TEST_CLIENTS for how many; the figures are printed.

import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { byHttp, byRedis, Publisher, publishingClient } from '../support/load.js';
import { type Footprint, footprintOf, type Readiness, ReadinessWatch } from '../support/readiness.js';
import type { Refusal, SteadyClient } from '../support/steady-client.js';
import { caughtUp, expectEverything, openCrowd } from '../support/steady-crowd.js';

/** It lasts until everybody has noticed. */
const OUTAGE_MS = Number(process.env.FANFARE_TEST_OUTAGE_MS ?? 0);
const CLIENTS = Number(process.env.FANFARE_TEST_CLIENTS ?? 160);
const PUBLISH_EVERY_MS = 250;
/** Chosen: messages on each channel before the first outage; more where figures are taken. */
const WARM_UP = OUTAGE_MS > 30_000 ? 80 : 8;
/** Chosen: refusals for each publisher while Redis is away. One that hung as long as Redis would have none. */
const REFUSALS = 2;
/** Chosen: the collector keeps some of what it got, and polls open and close connections all the time. */
const MEMORY_MARGIN_MB = 48;
const DESCRIPTORS_MARGIN = Math.max(20, CLIENTS / 8);
const TIMEOUT_MS = 120_000 + OUTAGE_MS;
const WITHIN = { timeout: 40_000, interval: 100 };

const numbers = [...Array(10).keys()];
let cluster: Cluster;
let redisClient: Redis;
let crowd: SteadyClient[];
let publishers: Publisher[];
const refusals: Refusal[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    engines: ['uws', 'ws'],
    // As durable as Redis can be: what was acknowledged is there after `kill -9`.
    redis: { args: ['--appendonly', 'yes', '--appendfsync', 'always'] },
    env: { FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: 2_000 } }) },
  });
  redisClient = publishingClient(cluster.redis.host, cluster.redis.port);
  crowd = await openCrowd(cluster, CLIENTS, (n) => [`room:redis-${n % 10}`, `room:http-${n % 7}`]);
  const urls = [...cluster.nodes.values()].map(({ url }) => url);
  publishers = numbers.flatMap((n) => [
    new Publisher(`room:redis-${n}`, PUBLISH_EVERY_MS, byRedis(redisClient)),
    new Publisher(`room:http-${n}`, PUBLISH_EVERY_MS, byHttp(urls[n % urls.length] ?? '', PUBLISH_KEY, refusals)),
  ]);
  for (const publisher of publishers) publisher.start();
  const isWarm = async () => publishers.every(({ acknowledged }) => acknowledged.length >= WARM_UP) || 'too little';
  await eventually(isWarm, WITHIN.timeout);
}, TIMEOUT_MS);
afterAll(async () => {
  for (const client of crowd ?? []) client.close();
  redisClient?.disconnect();
  await cluster?.close();
});

const footprints = (): Footprint[] => [...cluster.nodes.values()].map(({ pid }) => footprintOf(pid));
const acknowledged = () => publishers.reduce((sum, publisher) => sum + publisher.acknowledged.length, 0);

/** It says that it does not hear its broker. */
const isDeaf = ({ status, checks }: Readiness) =>
  status === 503 && checks.some(({ name, ok }) => name === 'broker' && !ok);

/** Takes Redis away for a time, looks at everything meanwhile, and brings it back. */
async function outage(begin: () => unknown, end: () => unknown) {
  const watches = [...cluster.nodes.values()].map(({ url }) => new ReadinessWatch(url, 100));
  refusals.length = 0;
  const before = { footprints: footprints(), acknowledged: acknowledged() };
  const beganMs = Date.now();
  await begin();
  const assignments: number[] = [];
  const isNoticed = () =>
    refusals.length >= REFUSALS * numbers.length &&
    refusals.some(({ code }) => code === 'broker_unavailable') &&
    watches.every(({ samples }) => samples.slice(-2).every(isDeaf));
  while (Date.now() - beganMs < OUTAGE_MS || assignments.length < 3 || !isNoticed()) {
    await pause(500);
    const headers = { Authorization: `Bearer ${await cluster.token(`late-${Date.now()}`)}` };
    assignments.push((await fetch(`${cluster.discovery.url}/v1/connect`, { method: 'POST', headers })).status);
  }
  const during = footprints();
  const endedMs = Date.now();
  await end();
  for (const watch of watches) {
    await expect.poll(() => watch.samples.at(-1)?.status, WITHIN).toBe(200);
  }
  const readyAgainMs = Date.now() - endedMs;
  const marks = publishers.map((publisher) => publisher.acknowledged.length);
  const resumed = () => publishers.every(({ acknowledged }, n) => acknowledged.length > (marks[n] ?? 0));
  await expect.poll(resumed, WITHIN).toBe(true);
  const resumedAtMs = Date.now();
  await caughtUp(crowd, publishers, 20_000);
  const caughtUpMs = Date.now() - resumedAtMs;
  const samples = await Promise.all(watches.map((watch) => watch.stop()));
  return { before, during, beganMs, endedMs, readyAgainMs, caughtUpMs, assignments, samples };
}

type Outage = Awaited<ReturnType<typeof outage>>;

function expectHonesty({ samples, beganMs, endedMs }: Outage): void {
  for (const node of samples) {
    const away = node.filter(({ atMs }) => atMs > beganMs && atMs < endedMs);
    const refused = away.filter(({ status }) => status === 503);
    // Never ready again before it is back.
    expect(away.slice(-refused.length)).toEqual(refused);
    const failing = refused.flatMap(({ checks }) => checks.filter(({ ok }) => !ok));
    // Revocations are not confirmed without Redis, which is known after a time of its own.
    expect(failing.filter(({ name }) => name !== 'broker' && name !== 'revocations')).toEqual([]);
    const deaf = refused.filter(isDeaf);
    expect(deaf.length).toBeGreaterThan(1);
    const told = deaf.map(({ checks }) => checks.find(({ name }) => name === 'broker'));
    expect(told.every((check) => check?.detail !== '')).toBe(true);
    // It says since when, and the time counts on.
    const since = told.map((check) => check?.sinceMs ?? 0);
    expect(since.at(-1)).toBe(since[1]);
    expect(since.at(-1)).toBeGreaterThanOrEqual(beganMs);
    expect(since.at(-1)).toBeLessThanOrEqual(deaf[0]?.atMs ?? 0);
  }
}

function expectPublishersTold(codes: readonly string[]): void {
  for (const { code, status, retryAfter } of refusals) {
    expect(codes).toContain(`${status} ${code}`);
    expect(Number(retryAfter)).toBeGreaterThan(0);
  }
}

function expectPollsAnswered(): void {
  for (const client of crowd) {
    for (const { status, code, retryAfter } of client.refusals.splice(0)) {
      expect({ status, code }).toEqual({ status: 503, code: 'broker_unavailable' });
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
  }
}

function report(what: string, { before, during, readyAgainMs, caughtUpMs, samples, beganMs, endedMs }: Outage): void {
  const firstNotReady = samples.map((node) => (node.find(({ status }) => status === 503)?.atMs ?? 0) - beganMs);
  const figures = { what, outageMs: endedMs - beganMs, clients: crowd.length, readyAgainMs, caughtUpMs, firstNotReady };
  const memory = { before: before.footprints, during, after: footprints() };
  console.log(JSON.stringify({ ...figures, acknowledged: acknowledged(), ...memory }));
}

function expectAsBefore({ before, assignments }: Outage): void {
  expect(new Set(assignments)).toEqual(new Set([200]));
  for (const [n, { residentMb, descriptors }] of footprints().entries()) {
    const then = before.footprints[n] ?? { residentMb: 0, descriptors: 0 };
    expect(residentMb - then.residentMb).toBeLessThan(MEMORY_MARGIN_MB);
    expect(descriptors - then.descriptors).toBeLessThanOrEqual(DESCRIPTORS_MARGIN);
  }
}

it(
  'a Redis that hangs drops no link, loses and repeats nothing, and publishers are told while it hangs',
  async () => {
    const { redis } = cluster;
    const seen = await outage(redis.pause, redis.resume);
    report('hangs', seen);
    expectHonesty(seen);
    // What was sent before it was known to hang may have been stored.
    expectPublishersTold(['503 broker_unavailable', '504 ack_timeout']);
    expectPollsAnswered();
    expectAsBefore(seen);
  },
  TIMEOUT_MS,
);

it(
  'a Redis that is killed and comes back with what it had on disk does the same',
  async () => {
    const { redis } = cluster;
    const seen = await outage(redis.kill, redis.restart);
    report('killed', seen);
    expectHonesty(seen);
    expectPublishersTold(['503 broker_unavailable', '504 ack_timeout']);
    expectPollsAnswered();
    expectAsBefore(seen);
  },
  TIMEOUT_MS,
);

it('every client has heard all that was acknowledged, once and in order, over the link that it began with', async () => {
  for (const publisher of publishers) await publisher.stop();
  await caughtUp(crowd, publishers, 20_000);
  expectEverything(crowd, publishers);
  expect(acknowledged()).toBeGreaterThan(100);
});
