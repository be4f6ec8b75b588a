// Whom a limit counts: each subject for itself, several at once, and nobody where only links are counted.

import { expect, it } from 'vitest';
import { RateLimited, type SubjectKeys, type SubjectKind, SubjectLimit } from '../../../src/limits/subject-limit.js';

const NOW_MS = 1_000_000;
const limitBy = (...by: readonly (SubjectKind | 'link')[]) =>
  new SubjectLimit({ name: 'publishes', config: { algorithm: 'fixed-window', limit: 2, windowMs: 60_000 }, by });
const client = (ticket: string, user: string, address: string): SubjectKeys => ({ ticket, user, address });

/** How many of these pass. */
function passed(limit: SubjectLimit, clients: readonly SubjectKeys[]): number {
  let count = 0;
  for (const one of clients) {
    try {
      limit.spend(one, 1, NOW_MS);
      count++;
    } catch (error) {
      expect(error).toBeInstanceOf(RateLimited);
    }
  }
  return count;
}

const TICKETS = Array.from({ length: 10 }, (_, n) => client(`t${n}`, 'anna', '10.0.0.1'));
const USERS = Array.from({ length: 10 }, (_, n) => client(`t${n}`, `u${n}`, '10.0.0.1'));

it('counts a ticket, a user or an address, whichever it is told to', () => {
  expect(passed(limitBy('ticket'), TICKETS)).toBe(10);
  expect(passed(limitBy('user'), TICKETS)).toBe(2);
  expect(passed(limitBy('user'), USERS)).toBe(10);
  expect(passed(limitBy('address'), USERS)).toBe(2);
});

it('holds for each of several subjects', () => {
  expect(passed(limitBy('ticket', 'user'), TICKETS)).toBe(2);
  expect(
    passed(
      limitBy('ticket', 'user'),
      Array.from({ length: 5 }, () => client('t', 'anna', 'a')),
    ),
  ).toBe(2);
});

it('counts nobody where links count for themselves', () => {
  expect(passed(limitBy('link'), [...TICKETS, ...TICKETS, ...TICKETS])).toBe(30);
});

it('says when to come again', () => {
  const limit = limitBy('user');
  const anna = client('t', 'anna', 'a');
  expect(limit.spend(anna, 2, NOW_MS)).toMatchObject({ allowed: true, remaining: 0 });
  expect(() => limit.spend(anna, 1, NOW_MS)).toThrow(
    expect.objectContaining({
      code: 'rate_limited',
      headers: expect.objectContaining({ RateLimit: expect.stringContaining('"publishes";r=0') }),
    }),
  );
});

it('forgets the subject that it has not seen for longest beyond its bound', () => {
  const config = { algorithm: 'fixed-window', limit: 1, windowMs: 60_000 } as const;
  const limit = new SubjectLimit({ name: 'x', config, by: ['user'] }, 2);
  expect(
    passed(
      limit,
      ['a', 'b', 'c', 'a', 'c'].map((user) => client('', user, '')),
    ),
  ).toBe(4);
});
