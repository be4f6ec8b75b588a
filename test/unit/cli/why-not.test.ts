// Why nobody answers, in words: from whatever errors come of a socket, of `fetch` and of TLS.

import { expect, it } from 'vitest';
import { unreachable, whyNot } from '../../../src/cli/why-not.js';

const withCode = (code: string, message = 'no') => Object.assign(new Error(message), { code });
const fetchFailed = (cause: Error) => new TypeError('fetch failed', { cause });

it.each([
  ['ECONNREFUSED', 'nobody listens there (ECONNREFUSED)'],
  ['ENOTFOUND', 'the name is not known (ENOTFOUND)'],
  ['UND_ERR_CONNECT_TIMEOUT', 'there is no answer in time (UND_ERR_CONNECT_TIMEOUT)'],
  ['ETIMEDOUT', 'there is no answer in time (ETIMEDOUT)'],
  ['UND_ERR_SOCKET', 'the connection is cut off (UND_ERR_SOCKET)'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired (CERT_HAS_EXPIRED)'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'what answers there does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER)'],
])('knows %s, by itself and as a cause', (code, told) => {
  expect(whyNot(withCode(code))).toBe(told);
  expect(whyNot(fetchFailed(withCode(code)))).toBe(told);
});

it('knows who was asked at several addresses, and has no text', () => {
  const error = Object.assign(new AggregateError([withCode('ECONNREFUSED')], ''), { code: 'ECONNREFUSED' });
  expect(whyNot(fetchFailed(error))).toBe('nobody listens there (ECONNREFUSED)');
});

it('knows a wait that was given up', () => {
  expect(whyNot(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))).toBe(
    'there is no answer in time',
  );
});

it('says of everything else what its first cause says', () => {
  expect(whyNot(fetchFailed(new Error('odd inside')))).toBe('odd inside');
  expect(whyNot(new Error('odd'))).toBe('odd');
  expect(whyNot('odd')).toBe('odd');
});

it('knows a port that is never asked', () => {
  expect(whyNot(fetchFailed(new Error('bad port')))).toContain('never asked by `fetch`');
});

it('shows no password of a URL', () => {
  const url = 'http://someone:hidden@127.0.0.1:8080/v1/connect';
  const told = unreachable(url, new TypeError(`Request cannot be constructed from ${url}`));
  expect(told).toBe(
    'http://***@127.0.0.1:8080/v1/connect cannot be asked: take the name and the password out of the URL',
  );
});
