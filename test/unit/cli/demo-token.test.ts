// Whose token the demo page of a development server gets.

import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { answerDemoToken } from '../../../src/cli/demo-token.js';
import { DEVELOPMENT_SECRET } from '../../../src/config/development.js';

const ALL = ['*'];
const OPEN = ['public:*', 'demo:*'];

async function subscribeGrant(headers: Record<string, string>, from: string, isFirstTry: boolean) {
  const terms = { secret: DEVELOPMENT_SECRET, issuer: undefined, audience: undefined, isFirstTry };
  const answer = await answerDemoToken(new Request('http://server/demo/token', { headers }), terms, from);
  if (answer === undefined) throw new Error('nothing at the path');
  const { token } = await answer.json();
  return decodeJwt<{ fanfare: { subscribe: string[] } }>(token).fanfare.subscribe;
}

describe('a first try', () => {
  it.each([
    ['localhost:7447', '127.0.0.1'],
    ['127.0.0.1:7447', '::ffff:127.0.0.1'],
    ['[::1]:7447', '::1'],
  ])('gives the page of its owner everything: %s from %s', async (host, from) => {
    expect(await subscribeGrant({ host }, from, true)).toEqual(ALL);
  });

  it.each<[string, Record<string, string>, string]>([
    ['a page that another name led here', { host: 'evil.example:7447' }, '127.0.0.1'],
    ['a page that a name which looks local led here', { host: '127.0.0.1.evil.example' }, '127.0.0.1'],
    ['whoever comes by a proxy on this machine', { host: 'localhost', 'x-forwarded-for': '203.0.113.7' }, '127.0.0.1'],
    ['another machine', { host: 'localhost:7447' }, '203.0.113.7'],
    ['whoever names no host', {}, '127.0.0.1'],
  ])('gives what stands open, and no more, to %s', async (_who, headers, from) => {
    expect(await subscribeGrant(headers, from, true)).toEqual(OPEN);
  });
});

it('gives what stands open, and no more, once anything is configured', async () => {
  expect(await subscribeGrant({ host: 'localhost' }, '127.0.0.1', false)).toEqual(OPEN);
});
