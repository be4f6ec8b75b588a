// What `start` tells a person at a terminal, above all which secrets it made.

import { expect, it } from 'vitest';
import { startBanner } from '../../../src/cli/banner.js';

const URL = 'http://127.0.0.1:8080';
const terms = { secret: 's'.repeat(64), issuer: undefined, audience: undefined, isFirstTry: false };

it('names the development secret where it is used, beside a token', async () => {
  const text = await startBanner(URL, { authSecret: 'built-in', clusterSecret: 'built-in' }, terms);
  expect(text).toMatch(/^ {4}eyJ[\w.-]+$/m);
  expect(text).toContain('Signed with the development secret, which everybody can read: only for this machine.');
  expect(text).not.toContain('--token');
});

it('names the secrets that were made at random, never their values', async () => {
  const text = await startBanner(URL, { authSecret: 'random', clusterSecret: 'random' }, terms);
  expect(text).toContain('They need a token: --token and the one below.');
  expect(text).toContain('Made at random for this process: authSecret and clusterSecret.');
  expect(text).not.toContain(terms.secret);
});

it('asks for a token where somebody else signs them, and promises no page', async () => {
  const text = await startBanner(URL, { clusterSecret: 'random' }, undefined);
  expect(text).toContain('They need a token: --token, or FANFARE_AUTH_SECRET to sign one.');
  expect(text).toContain('Made at random for this process: clusterSecret.');
  expect(text).not.toMatch(/browser|eyJ/);
  expect(await startBanner(URL, {}, undefined)).not.toContain('Made at random');
});
