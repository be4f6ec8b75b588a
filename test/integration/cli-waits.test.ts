// What a server says while it waits for Redis at its start, and when it has waited in vain.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { runFanfare } from '../support/process.js';
import { freePort, type RedisServer, startRedis } from '../support/redis.js';

const env = { FANFARE_CLUSTER_SECRET: 'cluster-secret-of-the-tests-0123456789ab' };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const started = async (url: string) => {
  const { code, stderr } = await runFanfare(['start', '--port', '0', '--redis-url', url], { env });
  const told = stderr.split('\n').filter((line) => line.includes('Redis'));
  return { code, told };
};

it('says why at once, then that it waits, without the password, and ends with 69', async () => {
  const place = `127.0.0.1:${await freePort('127.0.0.1')}`;
  const { code, told } = await started(`redis://user:hunter2@${place}`);
  expect([code, told]).toEqual([
    69,
    [
      expect.stringContaining(`Redis cannot be reached: connect ECONNREFUSED ${place}`),
      expect.stringContaining(`waiting for Redis at ${place} up to 10 s`),
      expect.stringMatching(/^fanfare: broker_unavailable: Redis cannot be reached/),
    ],
  ]);
  expect(told.join('')).not.toContain('hunter2');
}, 20_000);

it('says that it waits for what says nothing, and that it may be no TLS that is spoken there', async () => {
  const { code, told } = await started(redis.url.replace('redis://', 'rediss://'));
  expect(code).toBe(69);
  expect(told[0]).toContain(`waiting for Redis at ${redis.host}:${redis.port}, which has not answered yet, up to 10 s`);
  expect(told.at(-1)).toContain('where that port does not speak TLS, write redis:// for rediss://');
}, 20_000);
