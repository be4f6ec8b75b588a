// Where the time of Redis went, of real work on a real one, beside what servers have written down.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Profiles } from '../../loadtest/profiles.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const LIBRARY = `#!lua name=accounted
redis.register_function('accounted_set', function(keys) redis.call('SET', keys[1], '1') return redis.call('GET', keys[1]) end)`;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
  await redis.admin.function('LOAD', LIBRARY);
});
afterAll(() => redis?.stop());

let profiles: Profiles;
beforeEach(() => {
  profiles = new Profiles();
});
afterEach(() => profiles?.close());

const call = (times: number) => async () => {
  for (let n = 0; n < times; n++) await redis.admin.call('FCALL', 'accounted_set', 1, 'key');
  return times;
};

it('is kept of each piece of work by its name, and once', async () => {
  await call(7)();
  expect(await profiles.accounts.of('first', redis, call(2))).toBe(2);
  await profiles.accounts.of('first', redis, call(3));
  await profiles.accounts.of('second', redis, call(1));
  const text = profiles.take('publishes');
  expect(text).toMatch(/^Where the time of Redis of "publishes" went: .*\(INFO commandstats\)\.\n\nfirst\n/);
  const countsOf = (part: string) => {
    const counted = [...part.matchAll(/ {2}(\w+)(?::.*)? {2}(\d+) calls/g)];
    return Object.fromEntries(counted.map(([, name, calls]) => [name, Number(calls)]));
  };
  const [first = '', second = ''] = text.split('\nsecond\n');
  expect(countsOf(first)).toEqual({ fcall: 5, set: 5, get: 5 });
  expect(countsOf(second)).toEqual({ fcall: 1, set: 1, get: 1 });
  expect(() => profiles.take('own')).toThrow('no server of own has written');
});

it('is not kept of work that fails, which is told', async () => {
  const failing = async () => {
    await call(1)();
    throw new Error('the work has failed');
  };
  await expect(profiles.accounts.of('first', redis, failing)).rejects.toThrow('the work has failed');
  expect(() => profiles.take('publishes')).toThrow('no server of publishes has written');
});
