// Whose address counts.

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
])('when %s', (_, trusted, socket, forwarded, wanted) => {
  expect(new ClientAddress(trusted).of(socket, forwarded)).toBe(wanted);
});

it('what is no address cannot be trusted', () => {
  expect(() => new ClientAddress(['proxy.example'])).toThrow(TypeError);
});
