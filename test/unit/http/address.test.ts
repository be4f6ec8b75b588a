// One spelling for each address, and no address that ends a process.

import { expect, it } from 'vitest';
import { plainAddress } from '../../../src/http/address.js';

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:10.0.0.1', '10.0.0.1'],
  ['0:0:0:0:0:ffff:a00:1', '10.0.0.1'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:0DB8::0001', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['fe80::1%25eth0', 'fe80::1'],
  ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
])('%s is %s', (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});

it.each(['', ':', '%', ':%', 'fe80::1::2%eth0', '[::1]', '1.2.3.4:80', 'a:b', '::1%', 'unknown'])(
  'hands back %j, or what of it is an address, and throws nothing',
  (text) => {
    expect(() => plainAddress(text)).not.toThrow();
  },
);
