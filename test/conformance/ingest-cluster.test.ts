// The queue on a real Redis Cluster, whose masters share its stream and its channels, and through the loss of the stream's.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createIngest, type Ingest } from '../../src/broker/queue/ingest.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger as logger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import type { RedisServer } from '../support/redis.js';
import { dataOf } from '../support/redis-broker.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';

const QUEUE = 'fanfare:ingest';
const LEASE = 'fanfare:ingest:lease';
const CHANNELS = 10;

let cluster: RedisCluster;
let connection: RedisConnection;
let broker: Broker;
let ingest: Ingest;

beforeAll(async () => {
  cluster = await startRedisCluster();
  const namespaces = new Namespaces({ default: { historySize: 10_000 } });
  const options = { url: cluster.url, prefix: 'fanfare', namespaces, logger };
  connection = new RedisConnection(options);
  broker = createRedisBroker({ ...options, connection });
  await connection.start();
  await broker.start(new RecordingListener());
  ingest = createIngest({ connection, publish: (it) => broker.publish(it), maxMessageBytes: 65_536, logger });
}, 60_000);
afterAll(async () => {
  await ingest?.close();
  await broker?.close();
  await connection?.close();
  await cluster?.stop();
});

/** Numbered from `first`, over the channels in turn; resolves when the replica has them. */
async function queue(server: RedisServer, count: number, first: number): Promise<void> {
  const pipeline = server.admin.pipeline();
  for (let i = first; i < first + count; i++) pipeline.xadd(QUEUE, '*', 'channel', `c${i % CHANNELS}`, 'data', `${i}`);
  await pipeline.exec();
  expect(await server.admin.wait(1, 5_000)).toBe(1);
}

async function expectChannel(channel: number, count: number): Promise<void> {
  const page = await broker.read(`c${channel}`, '-1', { maxEntries: 10_000, maxBytes: 1024 * 1024 });
  const numbers = Array.from({ length: count }, (_, i) => i).filter((i) => i % CHANNELS === channel);
  expect(dataOf(page)).toEqual(numbers.map(String));
}

it('is drained in order to channels on every master, with its dead letters', async () => {
  const server = await cluster.masterOf(QUEUE);
  await server.admin.xadd(QUEUE, '*', 'channel', 'no channel', 'data', '1');
  await queue(server, 1_000, 0);
  ingest.start();
  await expect.poll(() => server.admin.xlen(QUEUE), { timeout: 10_000 }).toBe(0);
  for (let channel = 0; channel < CHANNELS; channel++) await expectChannel(channel, 1_000);
  expect(ingest.stats()).toMatchObject({ ingested: 1_000, ingestDead: 1 });
  const dead = await cluster.masterOf(`${QUEUE}:dead`);
  expect(await dead.admin.xlen(`${QUEUE}:dead`)).toBe(1);
});

it('goes on after the loss of the master that has the stream', async () => {
  const server = await cluster.masterOf(QUEUE);
  // Of the channels on the master that is lost, a failover may lose what was acknowledged: no fault of the queue.
  const elsewhere: number[] = [];
  for (let channel = 0; channel < CHANNELS; channel++) {
    if ((await cluster.masterOf(`fanfare:{c${channel}}:log`)) !== server) elsewhere.push(channel);
  }
  expect(elsewhere.length).toBeGreaterThan(2);
  // Somebody else's lease, so that nothing is published before all is queued.
  const { admin } = await cluster.masterOf(LEASE);
  await admin.set(LEASE, 'the test');
  await admin.pexpire(LEASE, 60_000);
  await expect.poll(() => ingest.stats().ingestHolder, { timeout: 5_000 }).toBe(0);
  await queue(server, 9_000, 1_000);
  await admin.del(LEASE);
  await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(1_000);
  await server.kill();
  expect(ingest.stats().ingested).toBeLessThan(10_000);
  const isEmpty = () => connection.client.xlen(QUEUE).catch(() => -1);
  await expect.poll(isEmpty, { timeout: 25_000 }).toBe(0);
  for (const channel of elsewhere) await expectChannel(channel, 10_000);
  expect(ingest.stats().ingestDead).toBe(1);
});
