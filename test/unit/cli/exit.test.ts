// What is printed, and with which code a process ends, when a command could not do its work.

import { expect, it } from 'vitest';
import { UnfitRedisError } from '../../../src/broker/redis/errors.js';
import { failure } from '../../../src/cli/exit.js';
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
