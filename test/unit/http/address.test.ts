// One spelling for each address, and no address that ends a process.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addressKey, plainAddress } from '../../../src/http/address.js';

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

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
  ['', ''],
])('limits count %j as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

it('limits take two addresses for one exactly where their first 64 bits are the same', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const half = fc.tuple(group, group, group, group);
  const text = (groups: readonly number[]) => groups.map((one) => one.toString(16)).join(':');
  fc.assert(
    fc.property(half, half, half, half, (network, other, host, otherHost) => {
      // What is mapped is an IPv4 address.
      fc.pre([host, otherHost].every((one) => one[0] !== 0 || one[1] !== 0xffff));
      const key = addressKey(text([...network, ...host]));
      expect(addressKey(text([...network, ...otherHost]))).toBe(key);
      expect(addressKey(text([...other, ...host])) === key).toBe(text(network) === text(other));
    }),
  );
});
