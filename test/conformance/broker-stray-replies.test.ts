// What Redis says unasked, or what is no answer at all, costs the connection that it comes on, and nothing else.

import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRedisBroker, type RedisBrokerOptions } from '../../src/broker/redis/broker.js';
import { createDurableClient } from '../../src/broker/redis/clients.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { KeyWatch } from '../../src/broker/redis/key-watch.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import { startSentinel } from '../support/redis-sentinel.js';
import { type SpeakingProxy, startSpeakingProxy } from '../support/speaking-proxy.js';

/** Each ended the process: ioredis throws on it outside of any call. */
const ENDED_THE_PROCESS: Readonly<Record<string, string>> = {
  null: '$-1\r\n',
  'a null array': '*-1\r\n',
  'a null of RESP3': '_\r\n',
  'an empty array': '*0\r\n',
  'an array with a null': '*1\r\n$-1\r\n',
  'a push with a null': '>1\r\n$-1\r\n',
  'a confirmation of nothing': '>3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n',
};
/** Each was taken, or held the answers of others up. */
const OTHER_STRAYS: Readonly<Record<string, string>> = {
  'a text': '+OK\r\n',
  'an error': '-ERR x\r\n',
  'a number': ':1\r\n',
  'two in one piece': '$-1\r\n+OK\r\n',
  'an empty line': '\r\n',
  'another protocol': 'HTTP/1.1 400 Bad Request\r\n\r\n',
  'a message of no channel': '*3\r\n$7\r\nmessage\r\n$-1\r\n$-1\r\n',
  'a push that is a message of no channel': '>3\r\n$7\r\nmessage\r\n$-1\r\n$-1\r\n',
};
const STRAYS = Object.entries({ ...ENDED_THE_PROCESS, ...OTHER_STRAYS });
const namespaces = new Namespaces();
const prefix = 'fanfare';
const TOLD = 'what came from Redis is no answer: the connection is made anew';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

async function proxied(behind: { host: string; port: number }): Promise<SpeakingProxy> {
  const proxy = await startSpeakingProxy(behind);
  onTestFinished(() => proxy.close());
  return proxy;
}

const urlOf = ({ host, port }: SpeakingProxy) => `redis://${host}:${port}`;

async function heard(options: RedisBrokerOptions) {
  const listener = new RecordingListener();
  const broker = createRedisBroker(options);
  onTestFinished(() => broker.close());
  await broker.start(listener);
  await broker.subscribe('news');
  await broker.publish({ channel: 'news', data: '"before"' });
  await listener.until(() => listener.data('news').includes('"before"'));
  return { broker, listener };
}

describe.each([true, false])('a broker that reads pushes by itself: %s', (readsPushes) => {
  it.each(STRAYS)('makes its connections anew after %s, and says so', async (_, bytes) => {
    const proxy = await proxied(redis);
    const logger = new RecordingLogger();
    const { broker, listener } = await heard({ url: urlOf(proxy), prefix, namespaces, logger, readsPushes });
    proxy.say(bytes);
    await listener.until(() => listener.resubscriptions.includes('news'));
    await expect.poll(() => broker.status().ready).toBe(true);
    await broker.publish({ channel: 'news', data: '"after"' });
    await listener.until(() => listener.data('news').includes('"after"'));
    expect(logger.texts('warn')).toContain(TOLD);
    expect(logger.lines.find(({ message }) => message === TOLD)?.fields).toMatchObject({ error: expect.any(Error) });
  });
});

it('rejects what waits for an answer where it cannot take what comes', async () => {
  const proxy = await proxied(redis);
  const connection = new RedisConnection({ url: urlOf(proxy), prefix, namespaces, logger: silentLogger });
  onTestFinished(() => connection.close());
  await connection.start();
  redis.pause();
  const waiting = connection.call('read', 'version', [], []);
  proxy.say('>1\r\n$-1\r\n');
  await expect(waiting)
    .rejects.toMatchObject({ code: 'broker_unavailable' })
    .finally(() => redis.resume());
});

it.each(Object.entries(ENDED_THE_PROCESS))('a watch of the queue stands again after %s', async (_, bytes) => {
  const proxy = await proxied(redis);
  const watch = new KeyWatch({ url: urlOf(proxy), prefix, key: 'fanfare:ingest', logger: silentLogger });
  onTestFinished(() => watch.close());
  let begun = 0;
  watch.start(() => begun++);
  await expect.poll(() => watch.stands).toBe(true);
  proxy.say(bytes);
  await expect.poll(() => begun).toBe(2);
  expect(watch.stands).toBe(true);
});

it.each(Object.entries(ENDED_THE_PROCESS))(
  'a connection for publishes that wait for replicas is made anew after %s',
  async (_, bytes) => {
    const proxy = await proxied(redis);
    const client = createDurableClient(urlOf(proxy), prefix);
    onTestFinished(() => client.disconnect());
    client.on('error', () => {});
    await client.connect();
    const [first] = proxy.clients;
    proxy.say(bytes);
    await expect.poll(() => first?.destroyed).toBe(true);
    await expect.poll(() => client.ping().catch(() => '')).toBe('PONG');
  },
);

it.each(Object.entries(ENDED_THE_PROCESS))('each node of a Cluster is connected to anew after %s', async (_, bytes) => {
  const { cluster, connection, logger } = await inCluster();
  const nodes = connection.cluster?.nodes('master') ?? [];
  expect(nodes.length).toBeGreaterThan(1);
  for (const { stream } of nodes) stream.emit('data', Buffer.from(bytes));
  await expect.poll(() => nodes.every(({ stream }) => stream.destroyed)).toBe(true);
  const keys = ['fanfare:{news}:log', 'fanfare:{news}:tail'];
  await expect.poll(() => connection.call('read', 'open', keys, []).catch(() => '')).toMatch(/^\d{13}-\d{16}$/);
  expect(logger.texts('warn')).toContain(TOLD);
  expect(cluster.url).toContain('cluster');
});

async function inCluster() {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  const logger = new RecordingLogger();
  const connection = new RedisConnection({ url: cluster.url, prefix, namespaces, logger });
  onTestFinished(() => connection.close());
  await connection.start();
  return { cluster, connection, logger };
}

it.each(['null', 'a push with a null'])('goes on where a Sentinel says %s', async (name) => {
  const replica = await startRedis({ args: ['--replicaof', redis.host, String(redis.port)] });
  onTestFinished(() => replica.stop());
  const sentinel = await startSentinel(redis);
  onTestFinished(() => sentinel.stop());
  const proxy = await proxied(sentinel);
  const url = `redis+sentinel://${proxy.host}:${proxy.port}/main`;
  const { broker, listener } = await heard({ url, prefix, namespaces, logger: silentLogger });
  // Each connection to Redis is told of failovers by one to the Sentinel.
  await expect.poll(() => proxy.clients.size).toBe(2);
  const before = [...proxy.clients];
  proxy.say(ENDED_THE_PROCESS[name] ?? '');
  await expect.poll(() => before.every(({ destroyed }) => destroyed)).toBe(true);
  await broker.publish({ channel: 'news', data: '"after"' });
  await listener.until(() => listener.data('news').includes('"after"'));
});

it('says at the start that what answers there is no Redis', async () => {
  const web = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  await new Promise<void>((resolve) => web.listen(0, redis.host, resolve));
  onTestFinished(() => void web.close());
  const { port } = web.address() as AddressInfo;
  const url = `redis://${redis.host}:${port}`;
  const connection = new RedisConnection({ url, prefix, namespaces, logger: silentLogger, startTimeoutMs: 500 });
  await expect(connection.start()).rejects.toMatchObject({ message: expect.stringContaining('is no Redis') });
});
