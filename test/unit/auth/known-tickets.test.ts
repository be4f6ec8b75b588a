// What is remembered of tickets that were verified.

import { expect, it } from 'vitest';
import type { Identity } from '../../../src/auth/identity.js';
import { KnownTickets } from '../../../src/auth/known-tickets.js';

const until = (expiresAtMs: number) => ({ user: 'u1', expiresAtMs }) as Identity;
const text = (n: number) => `head.payload.${String(n).padStart(43, 's')}`;

it('is forgotten once it has expired and others come, though nobody shows it again', () => {
  const known = new KnownTickets(100, 10_000);
  for (let n = 0; n < 10; n++) known.add(text(n), until(1_000 + n), 0, 0);
  expect(known.size).toBe(10);
  known.add(text(10), until(9_000), 0, 1_004);
  expect(known.size).toBe(6);
  expect(known.find(text(5), 0)).toEqual(until(1_005));
  expect(known.find(text(4), 0)).toBeUndefined();
});

it('stays while it is good, however many have expired before it was shown last', () => {
  const known = new KnownTickets(100, 10_000);
  known.add(text(0), until(9_000), 0, 0);
  for (let n = 1; n < 10; n++) known.add(text(n), until(1_000), 0, 0);
  expect(known.find(text(0), 2_000)).toEqual(until(9_000));
  known.add(text(10), until(9_000), 2_000, 5_000);
  expect(known.find(text(0), 0)).toEqual(until(9_000));
  expect(known.size).toBe(2);
});

it('stays where there is room for few, when it was shown later than others', () => {
  const known = new KnownTickets(2, 10_000);
  known.add(text(0), until(9_000), 0, 0);
  known.add(text(1), until(9_000), 0, 0);
  expect(known.find(text(0), 2_000)).toEqual(until(9_000));
  known.add(text(2), until(9_000), 2_000, 0);
  expect(known.find(text(1), 2_000)).toBeUndefined();
  expect(known.find(text(0), 2_000)).toEqual(until(9_000));
});

it('is another where only its signature is the same', () => {
  const known = new KnownTickets(2, 10_000);
  known.add(text(0), until(9_000), 0, 0);
  expect(known.find(text(0).replace('payload', 'forged'), 0)).toBeUndefined();
});
