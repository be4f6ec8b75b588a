// The Redis broker behind Sentinel, and its function library on Redis Cluster.

import { afterEach, expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { ensureLibrary, generateLibrary } from '../../src/broker/redis/functions/library.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServerOptions, startRedis } from '../support/redis.js';
import { startSentinel } from '../support/redis-sentinel.js';

const namespaces = new Namespaces();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function redis(...args: string[]) {
  return opened({ args });
}

async function opened(options: RedisServerOptions) {
  const server = await startRedis(options);
  closing.push(() => server.stop());
  return server;
}

test('follows a Sentinel failover: subscriptions stand again and publishing goes on', async () => {
  const master = await redis('--repl-diskless-sync-delay', '0');
  const replica = await redis('--replicaof', master.host, String(master.port));
  await expect.poll(() => replica.admin.info('replication')).toContain('master_link_status:up');
  const sentinel = await startSentinel(master);
  closing.push(() => sentinel.stop());
  const broker = createRedisBroker({ url: sentinel.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  closing.push(() => broker.close());
  const listener = new RecordingListener();
  await broker.start(listener);
  await broker.subscribe('news');
  const first = await broker.publish({ channel: 'news', data: '1' });
  await listener.until(() => listener.messages.length === 1);
  await expect.poll(() => replica.admin.get('fanfare:{news}:tail')).toContain(first);

  await master.stop();
  await listener.until(() => listener.resubscriptions.includes('news'));
  await expect.poll(() => broker.status().ready).toBe(true);
  const second = await broker.publish({ channel: 'news', data: '2' });
  await listener.until(() => listener.data('news').includes('2'));
  expect(second > first).toBe(true);
  const page = await broker.read('news', first, { maxEntries: 10, maxBytes: 1e6 });
  expect(page).toMatchObject({ start: first, gap: undefined });
  expect(page.entries.map(({ offset }) => offset)).toEqual([second]);
});

test('publishes on Redis Cluster with declared keys through SPUBLISH, and refuses the short form', async () => {
  const node = await opened({ isMember: true });
  await node.admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  await expect.poll(() => node.admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok');
  await ensureLibrary(node.admin, generateLibrary({ prefix: 'fanfare', namespaces }), silentLogger);
  const subscriber = node.admin.duplicate();
  closing.push(async () => subscriber.disconnect());
  await subscriber.ssubscribe('fanfare:{news}');
  const received = new Promise<string>((resolve) => {
    subscriber.once('smessage', (_: string, payload: string) => resolve(payload));
  });
  await expect(node.admin.call('FCALL', 'fanfare_publish', 1, 'news', '1')).rejects.toThrow(/^BADKEYS .*declare/);
  const keys = ['fanfare:{news}:log', 'fanfare:{news}:tail', 'fanfare:{news}:key:b:k'];
  const offset = await node.admin.call('FCALL', 'fanfare_publish', 3, ...keys, '{"a":1}');
  expect(await received).toContain(`\x011${offset}`);
  expect(await node.admin.call('FCALL', 'fanfare_publish', 3, ...keys, '{"a":1}')).toBe(offset);
});
