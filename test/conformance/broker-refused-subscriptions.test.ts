// A node whose Redis user may not subscribe any more: it says so, asks without hurry, and hears again once it may.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { type Logger, silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { startRedisCluster } from '../support/redis-cluster.js';

interface Place {
  readonly url: string;
  readonly servers: readonly RedisServer[];
  stop(): Promise<unknown>;
}

const alone = async (): Promise<Place> => {
  const server = await startRedis();
  return { url: server.url, servers: [server], stop: () => server.stop() };
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What all servers count together, by a line of INFO. */
async function counted(servers: readonly RedisServer[], section: string, line: RegExp): Promise<number> {
  const texts = await Promise.all(servers.map(({ admin }) => admin.info(section)));
  return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
}

const REFUSALS = /errorstat_NOPERM:count=(\d+)/;

/** Each asks anew, twice at least. */
async function untilAskedAgain(masters: readonly RedisServer[]): Promise<void> {
  const asked = await counted(masters, 'errorstats', REFUSALS);
  await expect
    .poll(() => counted(masters, 'errorstats', REFUSALS), { timeout: 20_000, interval: 250 })
    .toBeGreaterThanOrEqual(asked + 3 * masters.length);
}

const told = (logger: RecordingLogger) =>
  logger.texts('warn').filter((text) => text.startsWith('messages cannot be received'));

/** A user `node` who may everything, and brokers that are it. */
async function userOf({ url, servers }: Place) {
  const rules = async (...rules: string[]) => {
    for (const { admin } of servers) await admin.call('ACL', 'SETUSER', 'node', ...rules);
  };
  await rules('reset', 'on', '>pw', '~*', '&fanfare:*', '+@all');
  const brokerWith = (logger: Logger) => {
    const namespaces = new Namespaces();
    const broker = createRedisBroker({ prefix: 'fanfare', namespaces, logger, url: url.replace('//', '//node:pw@') });
    closing.push(() => broker.close());
    return broker;
  };
  return { rules, brokerWith, masters: servers.slice(0, 3) };
}

describe.each([
  ['one server', alone],
  ['a Cluster', startRedisCluster],
])('on %s', (_, start) => {
  let place: Place;
  beforeAll(async () => {
    place = await start();
  });
  afterAll(() => place?.stop());

  test('lost rights are named, once in the log, and end without a restart', { timeout: 60_000 }, async () => {
    const { rules, brokerWith, masters } = await userOf(place);
    const logger = new RecordingLogger();
    const broker = brokerWith(logger);
    const listener = new RecordingListener();
    await broker.start(listener);
    // Who has no channels yet would be refused each.
    const idle = brokerWith(silentLogger);
    await idle.start(new RecordingListener());
    const channels = Array.from({ length: 12 }, (_, n) => `room:${n}`);
    for (const channel of channels) await broker.subscribe(channel);

    // Redis cuts who is subscribed to what it may not have any more.
    await rules('resetchannels');
    await expect
      .poll(() => broker.status(), { timeout: 15_000 })
      .toMatchObject({
        ready: false,
        detail: expect.stringMatching(/lacks a permission.*docs\/OPERATIONS\.md.*&fanfare:/),
      });
    await expect
      .poll(() => idle.status(), { timeout: 15_000 })
      .toMatchObject({ ready: false, detail: expect.stringContaining('lacks a permission') });
    const connections = /total_connections_received:(\d+)/;
    const came = await counted(masters, 'stats', connections);
    // On the connections that stand.
    await untilAskedAgain(masters);
    const connected = (await counted(masters, 'stats', connections)) - came;
    // A test's own connections are there already.
    expect(connected).toBeLessThanOrEqual(2 * masters.length);
    expect(broker.status().ready).toBe(false);
    expect(told(logger)).toHaveLength(masters.length);

    await rules('&fanfare:*');
    await expect.poll(() => broker.status(), { timeout: 15_000 }).toMatchObject({ ready: true, detail: '' });
    await expect.poll(() => idle.status(), { timeout: 15_000 }).toMatchObject({ ready: true, detail: '' });
    await listener.until(() => channels.every((channel) => listener.resubscriptions.includes(channel)));
    for (const channel of channels) await broker.publish({ channel, data: '"again"' });
    await listener.until(() => channels.every((channel) => listener.data(channel).includes('"again"')));
    expect(logger.lines.filter(({ message }) => message.includes('takes subscriptions again'))).toHaveLength(
      masters.length,
    );
  });

  test('a right that nobody is cut for is named by the first who is refused', { timeout: 30_000 }, async () => {
    const { rules, brokerWith, masters } = await userOf(place);
    const logger = new RecordingLogger();
    const broker = brokerWith(logger);
    await broker.start(new RecordingListener());
    await broker.subscribe('room:0');
    await rules('-subscribe', '-ssubscribe');
    // A Cluster's canary sits down in its first second.
    const refused = () =>
      broker.subscribe('room:1').then(
        () => '',
        (error: Error) => error.message,
      );
    await expect.poll(refused, { timeout: 5_000 }).not.toBe('');
    await expect
      .poll(async () => [await refused(), broker.status().ready, broker.status().detail], { timeout: 10_000 })
      .toEqual([expect.any(String), false, expect.stringMatching(/lacks a permission.*\+s?subscribe/)]);
    await rules('+subscribe', '+ssubscribe');
    await expect.poll(() => broker.status(), { timeout: 10_000 }).toMatchObject({ ready: true, detail: '' });
    await broker.subscribe('room:1');
    // Canaries that had not sat down are refused, too.
    expect(told(logger).length).toBeLessThanOrEqual(masters.length);
  });

  test('where the canary may be subscribed and channels may not, it stays so, and is told once', {
    timeout: 60_000,
  }, async () => {
    const { rules, brokerWith, masters } = await userOf(place);
    const logger = new RecordingLogger();
    const broker = brokerWith(logger);
    await broker.start(new RecordingListener());
    for (let n = 0; n < 30; n++) await broker.subscribe(`room:${n}`);
    await rules('resetchannels', '&fanfare:*canary*');
    await expect.poll(() => told(logger).length, { timeout: 15_000 }).toBe(masters.length);
    await untilAskedAgain(masters);
    expect(broker.status().ready).toBe(false);
    expect(told(logger)).toHaveLength(masters.length);
    await rules('&fanfare:*');
    await expect.poll(() => broker.status().ready, { timeout: 15_000 }).toBe(true);
  });
});
