// The kinds of network names that an option can have: origins, proxies, URLs of nodes and of Redis.

import { isIP } from 'node:net';
import { nodeUrlProblem } from '../lib/node-url.js';
import { isUrl, list, type Reading, text, valueType } from './value-types.js';

const WEB = ['http:', 'https:'] as const;

export const hostName = () =>
  text('a host name or an IP address', (value) => isIP(value) > 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251})$/.test(value));

/** `http(s)://` with neither credentials nor query; handed on as a URL parser writes it, without a slash at the end. */
export const webBase = () => valueType(readWebBase);

/** What clients are told of a node: a `webBase` that every registry takes. */
export const nodeUrlType = () =>
  valueType((raw): Reading<string> => {
    const reading = readWebBase(raw);
    if (!('value' in reading)) return reading;
    const problem = nodeUrlProblem(reading.value);
    return problem === undefined ? reading : { expected: `another URL: ${problem}` };
  });

/** What a parser would mend, drop or read as something else, nobody has meant. */
const WEB_BASE = /^https?:\/\/[^\s\\?#@]+$/i;

function readWebBase(raw: unknown): Reading<string> {
  const given = typeof raw === 'string' ? raw.trim() : '';
  if (!WEB_BASE.test(given) || !isUrl(given, WEB)) {
    return { expected: 'an http:// or https:// URL without user, query and fragment' };
  }
  const { origin, pathname } = new URL(given);
  return { value: `${origin}${pathname.replace(/\/+$/, '')}` };
}

/** Where keys are fetched from: nobody on the way may change them, and `fetch` takes no user and password. */
export const jwksUrl = () =>
  text('an https:// URL without user (http:// only on this machine)', (value) => {
    if (!isUrl(value, WEB)) return false;
    const { protocol, hostname, username, password } = new URL(value);
    const isSafe = protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
    return isSafe && username + password === '';
  });

/** Several hosts may stand before the path, so this is not always a URL by the standard. */
export const redisUrl = () =>
  valueType((raw): Reading<string> => {
    const isNothing = raw === '' || raw === null || raw === undefined;
    const good = typeof raw === 'string' && /^rediss?(\+sentinel|\+cluster)?:\/\/[^\s/?#]+([/?][^\s#]*)?$/.test(raw);
    if (good) return { value: raw };
    const expected = 'redis://host:port, rediss://…, redis+sentinel://host,host/name or redis+cluster://host,host';
    return { expected, got: isNothing ? 'nothing' : 'something else (not shown: it may hold a password)' };
  });

/** Exact origins, `loopback`, or `*`, which another option must allow. */
export const originList = () => list(readOrigin, 0);

function readOrigin(element: string): Reading<string> {
  if (element === 'loopback' || element === '*') return { value: element };
  // A URL by the standard all the same, and the origin of no page.
  if (element.includes('*')) return { expected: 'each origin written out: a part of one cannot be "*"' };
  const expected = 'origins as browsers send them, such as https://app.example.com, or loopback';
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/\s?#@]+$/i.test(element)) return { expected };
  if (!isUrl(element, WEB)) return element.startsWith('http') ? { expected } : { value: element };
  const { origin } = new URL(element);
  return origin === element.toLowerCase() ? { value: element } : { expected: `${expected}; did you mean "${origin}"?` };
}

/** Addresses, or networks as `10.0.0.0/8`. */
export const networkList = () => list(readNetwork, 0);

function readNetwork(element: string): Reading<string> {
  const [address = '', prefix, ...rest] = element.split('/');
  const version = isIP(address);
  const isLength = prefix === undefined || /^\d{1,3}$/.test(prefix);
  const good = version > 0 && rest.length === 0 && isLength && Number(prefix ?? 0) <= (version === 4 ? 32 : 128);
  return good ? { value: element } : { expected: 'IP addresses or networks such as 10.0.0.0/8' };
}
