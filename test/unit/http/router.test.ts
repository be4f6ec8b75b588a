// What answers a path: whole paths, named segments, and methods.

import { expect, it } from 'vitest';
import { allowedMethods, type Route, Router, requireMethod } from '../../../src/http/router.js';

const route = (pattern: string, methods: readonly string[] = ['GET']): Route<void, string> => ({
  methods,
  pattern,
  run: (_, params) => `${pattern} ${JSON.stringify(params)}`,
});
const router = new Router([route('/v1/nodes'), route('/v1/nodes/:id/drain', ['POST']), route('/v1/channels/:name')]);
const answer = (path: string) => {
  const found = router.find(path);
  return found?.route.run(undefined, found.params);
};

it.each([
  ['/v1/nodes', '/v1/nodes {}'],
  ['/v1/nodes/n1/drain', '/v1/nodes/:id/drain {"id":"n1"}'],
  ['/v1/channels/user%3Aanna%2F1', '/v1/channels/:name {"name":"user:anna/1"}'],
  ['/v1/channels/__proto__', '/v1/channels/:name {"name":"__proto__"}'],
])('finds %s', (path, wanted) => {
  expect(answer(path)).toBe(wanted);
});

it.each([
  '/',
  '',
  '/v1/nodes/',
  '/V1/nodes',
  '//v1/nodes',
  '/v1/nodes//drain',
  '/v1/nodes/a/b/drain',
  '/v1/channels/a/b',
])('finds nothing at %j', (path) => {
  expect(answer(path)).toBeUndefined();
});

it('refuses a name that is not well encoded', () => {
  expect(() => router.find('/v1/channels/%E0%A4%A')).toThrow(expect.objectContaining({ code: 'bad_encoding' }));
});

it('takes the methods of a route, and any where it names none', () => {
  const post = route('/', ['POST']);
  expect(() => requireMethod(post, 'POST')).not.toThrow();
  expect(() => requireMethod(post, 'GET')).toThrow(expect.objectContaining({ code: 'method_not_allowed' }));
  expect(() => requireMethod(route('/', []), 'BREW')).not.toThrow();
  expect(allowedMethods(post)).toBe('POST, OPTIONS');
});
