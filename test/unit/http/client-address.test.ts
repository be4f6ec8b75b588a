// Whose address counts.

import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClientAddress } from '../../../src/http/client-address.js';

it.each([
  ['no proxy is trusted', [], '10.0.0.1', '1.1.1.1', '10.0.0.1'],
  ['the peer is no trusted proxy', ['10.0.0.2'], '10.0.0.1', '1.1.1.1', '10.0.0.1'],
  ['the peer is one', ['10.0.0.1'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
  ['the client forged a hop', ['10.0.0.1'], '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
  ['there are two of them', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 1.1.1.1,10.0.0.7', '1.1.1.1'],
  ['all hops are ours', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.9, 10.0.0.7', '10.0.0.9'],
  ['a hop is no address', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, <script>, 10.0.0.7', '10.0.0.7'],
  ['nothing was forwarded', ['10.0.0.0/8'], '10.0.0.1', null, '10.0.0.1'],
  ['the socket speaks IPv6', ['10.0.0.0/8'], '::ffff:10.0.0.1', '::ffff:1.1.1.1', '1.1.1.1'],
  ['the proxies are IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::1', '2001:db8::1'],
  ['a hop has a port', ['10.0.0.1'], '10.0.0.1', '203.0.113.7:51234', '203.0.113.7'],
  ['a hop has brackets', ['10.0.0.1'], '10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
  ['a hop has brackets and a port', ['10.0.0.1'], '10.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
  ['a proxy has a port', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 1.1.1.1:5, 10.0.0.7:80', '1.1.1.1'],
  ['a hop has no end', ['10.0.0.1'], '10.0.0.1', '[2001:db8::1', '10.0.0.1'],
  ['the header is empty', ['10.0.0.1'], '10.0.0.1', '', '10.0.0.1'],
])('when %s', (_, trusted, socket, forwarded, wanted) => {
  const header = (name: string) => (name === 'x-forwarded-for' ? forwarded : null);
  expect(new ClientAddress(trusted).of(socket, header)).toBe(wanted);
});

it('what is no address cannot be trusted', () => {
  expect(() => new ClientAddress(['proxy.example'])).toThrow(TypeError);
});

it.each([
  ['for=192.0.2.60', '192.0.2.60'],
  ['For="192.0.2.60:4711";proto=http;by=203.0.113.43', '192.0.2.60'],
  ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
  ['for=[2001:db8:cafe::17]', '2001:db8:cafe::17'],
  ['by=10.0.0.7;for=192.0.2.60 , for=10.0.0.9', '192.0.2.60'],
  ['for=6.6.6.6, for=192.0.2.60', '192.0.2.60'],
  ['for=_hidden, for=10.0.0.9', '10.0.0.9'],
  ['for=unknown', '10.0.0.1'],
  ['proto=https', '10.0.0.1'],
  ['for=6.6.6.6, for=192.0.2.60;host="x, for=6.6.6.7"', '192.0.2.60'],
  ['for=192.0.2.60;host="a\\"b, for=6.6.6.7"', '192.0.2.60'],
  ['for="6.6.6.6, for=192.0.2.60', '10.0.0.1'],
  ['for="6.6.6.6, for=192.0.2.60;host="x"', '10.0.0.1'],
  ['for=,,', '10.0.0.1'],
  [';'.repeat(5_000), '10.0.0.1'],
])('the client that `Forwarded: %s` names is %s', (forwarded, wanted) => {
  const header = (name: string) => (name === 'forwarded' ? forwarded : undefined);
  expect(new ClientAddress(['10.0.0.0/8']).of('10.0.0.1', header)).toBe(wanted);
});

it('neither header is believed where a client has sent the one that its proxy does not write', () => {
  const of = (listed: string, forwarded: string) =>
    new ClientAddress(['10.0.0.1']).of('10.0.0.1', (name) => (name === 'forwarded' ? forwarded : listed));
  expect(of('1.1.1.1', 'for=6.6.6.6')).toBe('10.0.0.1');
  expect(of('6.6.6.6', 'for=1.1.1.1')).toBe('10.0.0.1');
  expect(of('1.1.1.1', 'for="')).toBe('10.0.0.1');
  expect(of('1.1.1.1', 'for="1.1.1.1:80"')).toBe('1.1.1.1');
});

it('no header is looked at where its sender is no proxy that is trusted', () => {
  const header = () => {
    throw new Error('asked for');
  };
  expect(new ClientAddress([]).of('10.0.0.1', header)).toBe('10.0.0.1');
  expect(new ClientAddress(['10.0.0.2']).of('10.0.0.1', header)).toBe('10.0.0.1');
});

it('a header of any text names some address or the peer, and throws nothing', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('for=', '"', '\\', ',', ';', '1.1.1.1', '[', ']:', 'x') }),
  );
  fc.assert(
    fc.property(text, text, (listed, forwarded) => {
      const of = new ClientAddress(['10.0.0.1']).of('10.0.0.1', (name) => (name === 'forwarded' ? forwarded : listed));
      expect(isIP(of)).not.toBe(0);
    }),
  );
});
