// Names of networks that a parser would mend, drop or take for others.

import { expect, it } from 'vitest';
import { mistakes } from '../../support/config-mistakes.js';

const flag = (name: string, value: string) => mistakes({ flags: { [name]: value } });

it.each([
  ['nodeUrl', 'http:a', 'got "http:a", expected an http:// or https:// URL without user, query and fragment'],
  ['nodeUrl', String.raw`http:\\a`, String.raw`got "http:\\a", expected an http:// or https:// URL without`],
  ['nodeUrl', 'http://a?', 'got "http://a?", expected an http:// or https:// URL without user, query and fragment'],
  ['nodeUrl', 'http://a#', 'got "http://a#", expected an http:// or https:// URL without user, query and fragment'],
  [
    'nodeUrl',
    'http://@a',
    'got "http://(hidden)@a", expected an http:// or https:// URL without user, query and fragment',
  ],
  [
    'nodeUrl',
    'http://a/%20',
    'got "http://a/%20", expected another URL: a node URL is http(s)://host, with an optional port and path and nothing else',
  ],
  ['nodeUrl', 'http://a:0', 'got "http://a:0", expected another URL: a port lies between 1 and 65535'],
  ['channelsUrl', 'http://a#', 'got "http://a#", expected an http:// or https:// URL without user, query and fragment'],
  ...['0x8', '1e1', ' 8', '', '+8', '8/8'].map((length): [string, string, string] => [
    'trustedProxies',
    `10.0.0.0/${length}`,
    `got "10.0.0.0/${length}" in the list, expected IP addresses or networks such as 10.0.0.0/8`,
  ]),
])('refuses %s %j', (name, value, message) => {
  expect(flag(name, value)).toEqual([expect.stringContaining(`): ${message}`)]);
});

it.each(['10.0.0.0/8', '10.0.0.1', '::1', 'fd00::/128', '0.0.0.0/0'])('takes the network %s', (network) => {
  expect(flag('trustedProxies', network)).toEqual([]);
});
