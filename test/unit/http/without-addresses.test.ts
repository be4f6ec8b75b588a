// What everybody may read of why something is away: no address.

import { expect, it } from 'vitest';
import { withoutAddresses } from '../../../src/http/address.js';

it.each([
  [
    'Redis cannot be reached: connect ECONNREFUSED 127.77.0.9:7950 (127.77.0.9:7950)',
    'Redis cannot be reached: connect ECONNREFUSED (address)',
  ],
  [
    'Redis cannot be reached: getaddrinfo ENOTFOUND redis-master (redis-master:6379)',
    'Redis cannot be reached: getaddrinfo ENOTFOUND (address)',
  ],
  ['connect EHOSTUNREACH 2001:db8::1:6379', 'connect EHOSTUNREACH (address)'],
  ['connect ECONNREFUSED ::1:6379 (sentinel-1.redis.svc:26379)', 'connect ECONNREFUSED (address)'],
  ['connect ECONNREFUSED [fe80::1%eth0]:6379', 'connect ECONNREFUSED (address)'],
  ['the master at redis.internal.example is away', 'the master at (address) is away'],
])('%s', (text, told) => {
  expect(withoutAddresses(text)).toBe(told);
});

it.each([
  'deaf',
  '',
  'full: 20000 of 20000 links, memory 93 %, event loop 88 %',
  'this Redis is a read-only replica: name the master in the Redis URL, or use Sentinel',
  'the Redis user lacks a permission: see the ACL in docs/OPERATIONS.md',
  'Redis 6.2.14 has no functions: use Redis 7 or later, or Valkey',
  'Redis has reached its maxmemory: publishes are refused',
  'foreign_secret: n2 of 3',
  'Redis cannot be reached; using the nodes known 12 s ago',
])('leaves %j as it is', (text) => {
  expect(withoutAddresses(text)).toBe(text);
});
