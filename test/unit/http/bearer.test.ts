// The credential of a request, and the comparison of keys.

import { expect, it } from 'vitest';
import { bearerOf, SecretKeys } from '../../../src/http/bearer.js';

it.each([
  [undefined, undefined],
  [null, undefined],
  ['Bearer abc', 'abc'],
  ['bearer   abc', 'abc'],
  // As a key of the configuration may be.
  ['Bearer a,b', 'a,b'],
  ['bearer a,;b', 'a,;b'],
])('%j shows %j', (header, token) => {
  expect(bearerOf(header)).toBe(token);
});

it.each([
  '',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Bearer a, Bearer b',
  'Bearer a,Bearer b',
  'Basic abc',
  'Bearerabc',
  ' Bearer abc',
])('%j is no bearer token', (header) => {
  expect(() => bearerOf(header)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
});

it('knows each key, and no prefix, extension or empty text', () => {
  const keys = new SecretKeys(['first key', 'second key']);
  expect(['first key', 'second key'].map((key) => keys.has(key))).toEqual([true, true]);
  expect(['', 'first', 'first key ', 'First key', 'first key,second key'].some((key) => keys.has(key))).toBe(false);
  expect(new SecretKeys([]).has('')).toBe(false);
});
