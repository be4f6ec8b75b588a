// The Redis broker on a real Redis Cluster: a lost master, a slot that moves, a master without our library.

import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createRedisBroker, type RedisBusBroker } from '../../src/broker/redis/broker.js';
import { slotOf } from '../../src/broker/redis/cluster-slot.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRegistry } from '../../src/broker/redis/registry.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { encodeEnvelope } from '../support/envelope.js';
import { RecordingListener } from '../support/recording-listener.js';
import { codeOf } from '../support/redis-broker.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';

const namespaces = new Namespaces();
let cluster: RedisCluster;
let broker: RedisBusBroker;
let listener: RecordingListener;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  broker = createRedisBroker({ url: cluster.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  listener = new RecordingListener();
  await broker.start(listener);
});
afterEach(() => broker?.close());

/** One channel for each master, and some more. */
const channels = Array.from({ length: 12 }, (_, n) => `room:${n}`);

async function publishOnAll(data: string): Promise<void> {
  for (const channel of channels) await broker.publish({ channel, data });
}

async function untilAllHave(data: string): Promise<void> {
  await listener.until(() => channels.every((channel) => listener.data(channel).includes(data)));
}

test('slots are those of Redis', async () => {
  for (const channel of [...channels, 'x', '123456789', 'a.b:c@d=e+f~g-h']) {
    const slot = await cluster.servers[0]?.admin.cluster('KEYSLOT', `fanfare:{${channel}}:log`);
    expect(slotOf(channel), channel).toBe(slot);
  }
});

test('the registry lives on one slot', async () => {
  const connection = new RedisConnection({ url: cluster.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await connection.start();
  const registry = createRedisRegistry({ connection, logger: silentLogger });
  const report = { id: 'n1', url: 'http://n1:8080', incarnation: 'i1', connections: 0, capacity: 10, claimed: [] };
  const more = { maxConnectsPerSecond: 10, state: 'ready', reached: true, proof: '' } as const;
  expect((await registry.report({ ...report, ...more })).verdict).toBe('accepted');
  expect((await registry.list()).map(({ id }) => id)).toEqual(['n1']);
  expect((await registry.assign([]))?.node.id).toBe('n1');
  await connection.close();
});

test('each master has a canary, whose slot is its own', async () => {
  const canaries = async () => {
    const masters = cluster.servers.slice(0, 3).map(({ admin }) => admin.call('PUBSUB', 'SHARDCHANNELS', '*!canary*'));
    return (await Promise.all(masters)).map((names) => (names as string[]).length);
  };
  await expect.poll(canaries).toEqual([1, 1, 1]);
  expect(broker.stats()).toMatchObject({ canaryMisses: 0, subscriberRebuilds: 0 });
});

test('live-only messages come by SPUBLISH on the channel of their own, and envelopes there are no messages', async () => {
  for (const channel of channels) await broker.subscribe(channel);
  const [first] = cluster.servers;
  const publisher = new Cluster([{ host: first?.host ?? '', port: first?.port ?? 0 }]);
  for (const channel of channels) {
    const { tail } = await broker.read(channel, 'now', { maxEntries: 1, maxBytes: 1 });
    const next = formatOffset(parseOffset(tail).ms + 1, parseOffset(tail).seq);
    await publisher.spublish(`fanfare:{${channel}}:live`, encodeEnvelope(next, tail, Buffer.from('"forged"')));
    await publisher.spublish(`fanfare:{${channel}}:live`, '"true"');
  }
  await untilAllHave('"true"');
  expect(listener.messages).toHaveLength(channels.length);
  expect(listener.damages.map(({ cause }) => cause)).toEqual(channels.map(() => 'live'));
  for (const channel of channels) broker.unsubscribe(channel);
  publisher.disconnect();
});

test('a URL of the wrong kind is refused, saying which', async () => {
  const [first] = cluster.servers;
  const single = new RedisConnection({ url: first?.url ?? '', prefix: 'fanfare', namespaces, logger: silentLogger });
  await expect(single.start()).rejects.toThrow('name it as redis+cluster://');
});

test('a library that is gone from every master is loaded again by the next publish', async () => {
  for (const server of cluster.servers.slice(0, 3)) await server.admin.call('FUNCTION', 'FLUSH');
  await publishOnAll('"anew"');
});

test('a channel whose slot moves stands again at the new master', async () => {
  await Promise.all(channels.map((channel) => broker.subscribe(channel)));
  const [channel = ''] = channels;
  const slot = slotOf(channel);
  await broker.publish({ channel, data: '"before"' });
  const from = await cluster.masterOf(`fanfare:{${channel}}:log`);
  const to = cluster.servers.slice(0, 3).find((server) => server !== from);
  if (to === undefined) throw new Error('no other master');
  const [fromId, toId] = [
    String(await from.admin.call('CLUSTER', 'MYID')),
    String(await to.admin.call('CLUSTER', 'MYID')),
  ];
  await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  await from.admin.call('MIGRATE', to.host, to.port, '', 0, 5_000, 'KEYS', ...keys);
  for (const server of [to, from]) await server.admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);

  await listener.until(() => listener.resubscriptions.includes(channel));
  await broker.publish({ channel, data: '"after"' });
  await listener.until(() => listener.data(channel).includes('"after"'));
  expect((await broker.read(channel, '-1', { maxEntries: 10, maxBytes: 1e6 })).entries.length).toBeGreaterThan(1);
});

test('after the loss of a master publishing and delivery of its channels resume', async () => {
  await Promise.all(channels.map((channel) => broker.subscribe(channel)));
  await publishOnAll('"before"');
  await untilAllHave('"before"');
  const [channel = ''] = channels;
  const master = await cluster.masterOf(`fanfare:{${channel}}:log`);
  await master.kill();

  await listener.until(() => listener.resubscriptions.includes(channel));
  await expect.poll(() => broker.status().ready).toBe(true);
  // The masters that stayed say CLUSTERDOWN until each has heard of the new one: such a publish wrote nothing.
  for (const name of channels) {
    await expect.poll(() => codeOf(broker.publish({ channel: name, data: '"after"' }))).toBe('no error');
  }
  await untilAllHave('"after"');
});

test('publishes several messages by one call for each slot', async () => {
  await Promise.all(channels.map((channel) => broker.subscribe(channel)));
  const publications = channels.flatMap((channel) => ['1', '2', '3'].map((data) => ({ channel, data })));
  const outcomes = await broker.publishMany(publications);
  expect(outcomes.filter((outcome) => 'offset' in outcome)).toHaveLength(publications.length);
  await untilAllHave('3');
  for (const channel of channels) expect(listener.data(channel).slice(-3)).toEqual(['1', '2', '3']);
});
