// The queue on a real Redis Cluster, whose masters share its stream and its channels, and through the loss of the stream's.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIngest, type Ingest } from '../../src/broker/queue/ingest.js';
import { createRedisBroker, type RedisBusBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger as logger } from '../../src/lib/logger.js';
import { isOffset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';
import type { RedisServer } from '../support/redis.js';
import { dataOf, WHOLE_PAGE } from '../support/redis-broker.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';

const QUEUE = 'fanfare:ingest';
const LEASE = 'fanfare:ingest:lease';
const CHANNELS = 10;

let cluster: RedisCluster;
let connection: RedisConnection;
let broker: RedisBusBroker;
let ingest: Ingest;
/** A channel of the master that is away, and one of another. */
let lost = { here: '', there: '' };

beforeAll(async () => {
  cluster = await startRedisCluster();
  const namespaces = new Namespaces({ default: { historySize: 10_000 } });
  const options = { url: cluster.url, prefix: 'fanfare', namespaces, logger };
  connection = new RedisConnection(options);
  broker = createRedisBroker({ ...options, connection });
  await connection.start();
  await broker.start(new RecordingListener());
  ingest = createIngest({ connection, publishMany: (all) => broker.publishMany(all), maxMessageBytes: 65_536, logger });
});
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
  await expect.poll(() => server.admin.xlen(QUEUE)).toBe(0);
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
  await expect.poll(() => ingest.stats().ingestHolder).toBe(0);
  await queue(server, 9_000, 1_000);
  await admin.del(LEASE);
  await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(1_000);
  // Ending it takes a while, in which it would go on.
  server.pause();
  await server.kill();
  expect(ingest.stats().ingested).toBeLessThan(10_000);
  const isEmpty = () => connection.client.xlen(QUEUE).catch(() => -1);
  await expect.poll(isEmpty).toBe(0);
  for (const channel of elsewhere) await expectChannel(channel, 10_000);
  expect(ingest.stats().ingestDead).toBe(1);
});

it('goes on with the channels of all other masters while one is away and nobody takes over', async () => {
  const live = cluster.servers.filter(({ admin }) => admin.status === 'ready');
  for (const { admin } of live) {
    await admin.config('SET', 'cluster-replica-no-failover', 'yes');
    await admin.config('SET', 'cluster-require-full-coverage', 'no');
  }
  const masterOf = async (key: string): Promise<RedisServer> => {
    for (const server of live) {
      const serves = await server.admin.exists(key).then(
        () => true,
        () => false,
      );
      if (serves) return server;
    }
    throw new Error(`no master of ${key}`);
  };
  const spared = [await masterOf(QUEUE), await masterOf(LEASE)];
  const byMaster = new Map<RedisServer, string[]>();
  for (let n = 0; n < 60; n++) {
    const master = await masterOf(`fanfare:{d${n}}:log`);
    byMaster.set(master, [...(byMaster.get(master) ?? []), `d${n}`]);
  }
  const [victim, away = []] = [...byMaster].find(([master]) => !spared.includes(master)) ?? [];
  const others = [...byMaster].flatMap(([master, channels]) => (master === victim ? [] : channels));
  expect(away.length).toBeGreaterThan(5);
  const [{ admin: atQueue }, { admin: atLease }] = [await masterOf(QUEUE), await masterOf(LEASE)];
  await atLease.set(LEASE, 'the test');
  await atLease.pexpire(LEASE, 60_000);
  await expect.poll(() => ingest.stats().ingestHolder).toBe(0);
  const pipeline = atQueue.pipeline();
  // A whole batch of what cannot be published stands in front.
  for (let n = 0; n < 600; n++) pipeline.xadd(QUEUE, '*', 'channel', away[n % away.length] ?? '', 'data', `${n}`);
  for (const channel of others) pipeline.xadd(QUEUE, '*', 'channel', channel, 'data', '1');
  await pipeline.exec();
  await victim?.kill();
  await atLease.del(LEASE);
  await expect.poll(() => atQueue.xlen(QUEUE)).toBe(600);
  for (const channel of others) expect(dataOf(await broker.read(channel, '-1', WHOLE_PAGE))).toEqual(['1']);
  expect(ingest.stats()).toMatchObject({ ingestAside: away.length });
  lost = { here: others[0] ?? '', there: away[0] ?? '' };
});

describe('while that master is away', () => {
  it('the tails of all other channels can be asked for', async () => {
    const [there, here] = await broker.tails([lost.there, lost.here]);
    expect([there, isOffset(here)]).toEqual([null, true]);
    await expect(broker.tails([lost.there])).rejects.toMatchObject({ code: 'broker_unavailable' });
  });

  it('a library that another one has lost is loaded there again', async () => {
    const live = cluster.servers.filter(({ admin }) => admin.status === 'ready');
    await Promise.allSettled(live.map(({ admin }) => admin.call('FUNCTION', 'FLUSH')));
    expect(isOffset(await broker.publish({ channel: lost.here, data: '2' }))).toBe(true);
  });
});
