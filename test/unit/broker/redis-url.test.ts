// The forms of a Redis URL.

import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../../src/broker/redis/url.js';

describe('a Redis URL', () => {
  test('names one server, with defaults', () => {
    expect(parseRedisUrl('redis://localhost')).toMatchObject({
      kind: 'single',
      options: { host: 'localhost', port: 6379, db: 0 },
      address: 'localhost:6379',
    });
  });

  test('carries user, password, port and database, and keeps secrets out of the address', () => {
    const target = parseRedisUrl('rediss://ann:p%40ss%2F@redis.example:6380/2');
    expect(target.options).toEqual({
      username: 'ann',
      password: 'p@ss/',
      host: 'redis.example',
      port: 6380,
      db: 2,
      tls: {},
    });
    expect(target.address).toBe('redis.example:6380');
  });

  test('carries a password without a user, and an IPv6 address', () => {
    expect(parseRedisUrl('redis://:secret@[::1]:7000').options).toEqual({
      password: 'secret',
      host: '::1',
      port: 7000,
      db: 0,
    });
  });

  test('names a Sentinel group', () => {
    const target = parseRedisUrl('redis+sentinel://:pw@a:26380,b/main/3');
    expect(target).toMatchObject({ kind: 'sentinel', address: 'a:26380,b:26379/main' });
    expect(target.options).toMatchObject({
      name: 'main',
      db: 3,
      password: 'pw',
      sentinels: [
        { host: 'a', port: 26380 },
        { host: 'b', port: 26379 },
      ],
    });
  });

  test('names the nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://a:1,b:2')).toMatchObject({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    });
  });

  test.each([
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://a:99999',
    'redis://a:0',
    'redis://a/x',
    'redis://a/0/1',
    'redis://%zz:secret@a',
    'redis+sentinel://a:1',
    'redis+cluster://a:1/2',
    'redis://a b',
    'redis://a?x=secret',
  ])('is refused, without being repeated: %s', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(TypeError);
    expect(() => parseRedisUrl(url)).not.toThrow(/secret/);
  });
});
