// Reads of logs as the bench counts them: the calls of one function, whatever else Redis is asked meanwhile.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { countFunctions, READS_OF_LOGS, readsOfLogs } from '../../loadtest/function-calls.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const PAGE = { maxEntries: 10, maxBytes: 1_000 };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

it('are what the broker reads, and neither what it publishes nor what a node calls of its own accord', async () => {
  const namespaces = new Namespaces({ default: { historySize: 10 } });
  const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await broker.start({ message: () => undefined, resubscribed: () => undefined, damaged: () => undefined });
  try {
    const offset = await broker.publish({ channel: 'news', data: '0' });
    await broker.read('news', offset, PAGE);
    const counted = await countFunctions(redis.admin);
    await broker.publish({ channel: 'news', data: '1' });
    for (let n = 0; n < 3; n++) await broker.read('news', offset, PAGE);
    await redis.admin.call(
      'fcall_ro',
      'fanfare_read',
      2,
      'fanfare:{news}:log',
      'fanfare:{news}:tail',
      offset,
      10,
      1_000,
    );
    await redis.admin.call('FCALL', 'fanfare_version', 0);
    const calls = await counted();
    expect(READS_OF_LOGS).toEqual(['fanfare_read']);
    expect(readsOfLogs(calls)).toBe(4);
    expect(Object.fromEntries(calls)).toEqual({ fanfare_publish: 1, fanfare_read: 4, fanfare_version: 1 });
  } finally {
    await broker.close();
  }
});

it('are not told where there was more than could be counted', async () => {
  const counted = await countFunctions(redis.admin);
  const pipeline = redis.admin.pipeline();
  for (let n = 0; n < 100_001; n++) pipeline.ping();
  await pipeline.exec();
  await expect(counted()).rejects.toThrow('more than 100000 commands');
});
