// Publishes that wait for replicas on a real Redis Cluster: each at the master of its slot, wherever that goes.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { slotOf } from '../../src/broker/redis/cluster-slot.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import type { Offset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';
import type { RedisServer } from '../support/redis.js';
import { codeOf, dataOf, WHOLE_PAGE } from '../support/redis-broker.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';

const namespaces = new Namespaces();
let cluster: RedisCluster;
let broker: Broker;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  broker = createRedisBroker({ url: cluster.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await broker.start(new RecordingListener());
});
afterEach(() => broker?.close());

/** Some on each master. */
const channels = Array.from({ length: 12 }, (_, n) => `room:${n}`);

const publish = (channel: string, data: string): Promise<Offset> =>
  broker.publish({ channel, data, waitReplicas: 1, key: `b:${data}` });

const logOf = async (channel: string) => dataOf(await broker.read(channel, '-1', WHOLE_PAGE));

const idOf = async ({ admin }: RedisServer) => String(await admin.call('CLUSTER', 'MYID'));

/** Of a channel's slot: who has it, and another master. */
async function mastersFor(channel: string) {
  const from = await cluster.masterOf(`fanfare:{${channel}}:log`);
  const to = cluster.servers.slice(0, 3).find((server) => server !== from);
  if (to === undefined) throw new Error('no other master');
  return { from, to };
}

test('a publish is acknowledged by a replica of its own master', async () => {
  const waits = () =>
    Promise.all(
      cluster.servers.slice(0, 3).map(async ({ admin }) => (await admin.info('commandstats')).match(/_wait:/)),
    );
  expect(await waits()).toEqual([null, null, null]);
  await Promise.all(channels.map((channel) => publish(channel, '1')));
  expect(await waits()).not.toContain(null);
  expect(await Promise.all(channels.map(logOf))).toEqual(channels.map(() => ['1']));
  expect(await codeOf(broker.publish({ channel: 'room:0', data: '2', waitReplicas: 2 }))).toBe('replicas_unavailable');
});

test('a publish follows its slot to another master', async () => {
  const channel = 'moved:1';
  const { from, to } = await mastersFor(channel);
  await publish(channel, '1');
  const slot = slotOf(channel);
  await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
  await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to));
  const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  await from.admin.call('MIGRATE', to.host, to.port, '', 0, 5_000, 'KEYS', ...keys);
  // All keys are gone from the old master, which still has the slot: it says ASK. A new key would have to TRYAGAIN.
  await broker.publish({ channel, data: '2', waitReplicas: 1 });
  for (const server of [to, from]) await server.admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(to));
  await publish(channel, '3');
  expect(await to.admin.xlen(`fanfare:{${channel}}:log`)).toBe(3);
  expect(await logOf(channel)).toEqual(['1', '2', '3']);
});

test('after the loss of a master all that was acknowledged is there, and none is acknowledged without a replica', async () => {
  const channel = 'lost:1';
  const { from } = await mastersFor(channel);
  const acknowledged = await Promise.all(Array.from({ length: 50 }, (_, n) => publish(channel, String(n))));
  const pending = codeOf(publish(channel, '"pending"'));
  await from.kill();
  expect(['no error', 'ack_timeout', 'broker_unavailable']).toContain(await pending);
  // The promoted replica has no replica of its own.
  await expect.poll(() => codeOf(publish(channel, '"late"'))).toBe('replicas_unavailable');
  // Publishes that wait have connections of their own, which may be there before the one that reads.
  await expect.poll(() => codeOf(broker.read(channel, '-1', WHOLE_PAGE))).toBe('no error');
  const page = await broker.read(channel, '-1', WHOLE_PAGE);
  expect(page.entries.map(({ offset }) => offset)).toEqual(expect.arrayContaining(acknowledged));
  expect(dataOf(page)).not.toContain('"late"');
});
