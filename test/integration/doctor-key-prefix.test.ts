// `fanfare doctor` on a Redis where a client with a key prefix of its own has published: it names where that went.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/cli/doctor/doctor.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { openWebSocket } from '../support/feed.js';
import { runFanfare, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const KEEPING = { args: ['--appendonly', 'yes'] };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ engines: ['uws'], redis: KEEPING });
});
afterAll(() => cluster?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function redis(): Promise<RedisServer> {
  const server = await startRedis(KEEPING);
  closing.push(() => server.stop());
  return server;
}

/** The report, and what it found, a line each. */
async function doctor(url = cluster.redis.url) {
  const env = { ...cluster.env, FANFARE_URL: cluster.discovery.url, FANFARE_REDIS_URL: url };
  const { stdout } = await runFanfare(['doctor', '--json'], { env });
  const report = JSON.parse(stdout) as Report;
  return { report, lines: report.findings.map(({ code, message, mend }) => `${code}: ${message} → ${mend}`) };
}

it.each([
  ['a message of the queue', 'shop:fanfare:ingest', 'channel', 'news', 'data', '1'],
  ['the history of a channel', 'shop:fanfare:{news}:log', 'd', '1'],
])('names the key that has a prefix before ours: %s', async (_, key, ...fields) => {
  const { admin, url } = await redis();
  await admin.xadd('another:application', '*', 'about', 'fanfare');
  expect((await doctor(url)).lines).toEqual([]);
  await admin.xadd(key, '*', ...fields);
  expect((await doctor(url)).lines).toEqual([
    expect.stringMatching(/^key_prefix: .*the key prefix "shop:" has written shop:fanfare:.*BACKENDS/),
  ]);
});

it('names a channel that somebody listens to in vain, and the one that has a prefix before its name', async () => {
  const { admin } = cluster.redis;
  const feed = openWebSocket(
    { url: cluster.nodes.get('n1')?.url ?? '', ticket: await cluster.ticket('listener') },
    { 'room:1': 'now' },
  );
  closing.push(() => feed.close());
  expect((await feed.events.nextOf('subscribed', 'closed')).type).toBe('subscribed');
  expect((await doctor()).lines).toEqual([]);
  const prefixed = admin.duplicate({ keyPrefix: 'shop_' });
  closing.push(() => prefixed.disconnect());
  await prefixed.fcall('fanfare_publish', 1, 'room:1', '1');
  expect((await doctor()).lines).toEqual([
    expect.stringMatching(/^key_prefix: .*listens to "room:1".*on "shop_room:1"/),
  ]);
  await admin.fcall('fanfare_publish', 1, 'room:1', '1');
  expect((await doctor()).lines).toEqual([]);
});

it('takes a second installation, whose prefix ends as the first one is, for no stray', async () => {
  const { admin, url } = await redis();
  const env = { FANFARE_REDIS_URL: url, FANFARE_PREFIX: 'shop_fanfare', FANFARE_PORT: '0' };
  const server = await startFanfare(['start'], { env: { ...cluster.env, ...env } });
  closing.push(() => server.stop());
  await admin.call('FCALL', 'shop_fanfare_publish', 1, 'news', '1');
  expect(await admin.exists('shop_fanfare:{news}:log')).toBe(1);
  expect((await doctor(url)).lines).toEqual([]);
  await admin.xadd('lost_fanfare:ingest', '*', 'channel', 'news', 'data', '1');
  expect((await doctor(url)).lines).toEqual([
    expect.stringMatching(/^key_prefix: .*the key prefix "lost_" has written/),
  ]);
  await server.stop();
  await admin.del('lost_fanfare:ingest');
  expect((await doctor(url)).lines).toEqual([]);
  await admin.call('FUNCTION', 'DELETE', 'shop_fanfare');
  expect((await doctor(url)).lines).toEqual([
    expect.stringMatching(/^key_prefix: .*"shop_" has written shop_fanfare:/),
  ]);
});

it('says that it has not looked, with a user who may not', async () => {
  const { admin, url } = await redis();
  await admin.call('ACL', 'SETUSER', 'default', '-scan');
  const { report, lines } = await doctor(url);
  expect([lines, report.notAsked]).toEqual([
    [],
    [{ what: expect.stringMatching(/^key prefixes at /), why: expect.stringContaining('SCAN') }],
  ]);
});
