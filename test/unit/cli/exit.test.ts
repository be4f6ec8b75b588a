// What is printed, and with which code a process ends, when a command could not do its work.

import { describe, expect, it } from 'vitest';
import { UnfitRedisError } from '../../../src/broker/redis/errors.js';
import { failure, listenFailure } from '../../../src/cli/exit.js';
import { IdTakenError } from '../../../src/cluster/id-taken-error.js';
import { ConfigError } from '../../../src/config/config-problem.js';
import { FanfareError } from '../../../src/lib/errors.js';

const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });

it('lists every mistake of a configuration and ends with 78', () => {
  const problems = ['port', 'host'].map((option) => ({ option, source: 'default', message: 'wrong' }));
  expect(failure(new ConfigError(problems))).toEqual({
    lines: ['fanfare: port (default): wrong', 'fanfare: host (default): wrong'],
    code: 78,
  });
});

it('names an address that cannot be had, also as the cause of another error, and ends with 78', () => {
  const cause = withCode('listen EADDRINUSE: 127.0.0.1:80', 'EADDRINUSE');
  expect(failure(cause)).toEqual({ lines: ['fanfare: address in use: listen EADDRINUSE: 127.0.0.1:80'], code: 78 });
  expect(failure(new FanfareError('internal', 'cannot listen', { cause })).code).toBe(78);
});

describe('a server that cannot listen', () => {
  const place = { host: '127.0.0.1', port: 80, options: ['opsHost', 'opsPort'] } as const;
  const lineOf = (code: string, more: object = { syscall: 'listen' }) =>
    failure(listenFailure(Object.assign(withCode('no', code), more), place));

  it.each([
    ['EADDRINUSE', 'address in use: 127.0.0.1:80; give another by --ops-port or FANFARE_OPS_PORT'],
    ['EACCES', 'address may not be used by this user: 127.0.0.1:80; give another by --ops-port or FANFARE_OPS_PORT'],
    [
      'EADDRNOTAVAIL',
      'address is not one of this machine: 127.0.0.1:80; give another by --ops-host or FANFARE_OPS_HOST',
    ],
  ])('says where, and by which option another is given: %s', (code, told) => {
    expect(lineOf(code)).toEqual({ lines: [`fanfare: ${told}`], code: 78 });
  });

  it('says of the name of its own host that it is not known, and of no other', () => {
    const lookUp = { syscall: 'getaddrinfo', hostname: '127.0.0.1' };
    expect(lineOf('ENOTFOUND', lookUp)).toMatchObject({ lines: [expect.stringContaining('--ops-host')], code: 78 });
    expect(lineOf('ENOTFOUND', { ...lookUp, hostname: 'redis' })).toMatchObject({ code: 69 });
    expect(lineOf('EACCES', { syscall: 'open' }).lines).toEqual(['fanfare: EACCES: no']);
  });
});

it('ends with 78 when Redis has to be set otherwise', () => {
  expect(failure(new UnfitRedisError('Redis evicts history'))).toEqual({
    lines: ['fanfare: redisUrl: Redis evicts history'],
    code: 78,
  });
});

it('ends with 73 when another node has the id', () => {
  expect(failure(new IdTakenError('another node has the id n1'))).toEqual({
    lines: ['fanfare: nodeId: another node has the id n1'],
    code: 73,
  });
});

it('ends with 69 when something that it needs is not available', () => {
  expect(failure(new FanfareError('broker_unavailable', 'Redis cannot be reached'))).toEqual({
    lines: ['fanfare: broker_unavailable: Redis cannot be reached'],
    code: 69,
  });
  expect(failure(withCode('no', 'ECONNREFUSED')).code).toBe(69);
  expect(failure(withCode('no', 'network')).code).toBe(69);
});

it('ends with 1 when it was refused, or for any other reason', () => {
  expect(failure(new FanfareError('forbidden_channel', 'not granted')).code).toBe(1);
  expect(failure(new Error('odd'))).toEqual({ lines: ['fanfare: odd'], code: 1 });
  expect(failure('odd')).toEqual({ lines: ['fanfare: odd'], code: 1 });
});
