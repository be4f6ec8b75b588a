// What is remembered of tickets that were verified.

import { expect, it } from 'vitest';
import type { Identity } from '../../../src/auth/identity.js';
import { KnownTickets } from '../../../src/auth/known-tickets.js';

const until = (expiresAtMs: number) => ({ user: 'u1', expiresAtMs }) as Identity;
const text = (n: number) => `head.payload.${String(n).padStart(43, 's')}`;

it('is forgotten once it has expired and others come, though nobody shows it again', () => {
  const known = new KnownTickets(100, 10_000);
  for (let n = 0; n < 10; n++) known.add(text(n), until(1_000 + n), 0);
  expect(known.size).toBe(10);
  known.add(text(10), until(9_000), 1_004);
  expect(known.size).toBe(6);
  expect(known.find(text(5))).toEqual(until(1_005));
  expect(known.find(text(4))).toBeUndefined();
});

it('stays while it is good, however many have expired before it was shown last', () => {
  const known = new KnownTickets(100, 10_000);
  known.add(text(0), until(9_000), 0);
  for (let n = 1; n < 10; n++) known.add(text(n), until(1_000), 0);
  expect(known.find(text(0))).toEqual(until(9_000));
  known.add(text(10), until(9_000), 5_000);
  expect(known.find(text(0))).toEqual(until(9_000));
  expect(known.size).toBe(2);
});
