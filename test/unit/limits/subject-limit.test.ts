// Whom a limit counts: each subject for itself, several at once and all of a user together; and what a client is told over it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';
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

it('counts nobody where links count for themselves, and nobody who has no name of the kind', () => {
  expect(passed(limitBy('link'), [...TICKETS, ...TICKETS, ...TICKETS])).toBe(30);
  expect(
    passed(
      limitBy('user'),
      Array.from({ length: 5 }, () => ({ address: 'a' })),
    ),
  ).toBe(5);
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

const bucket = (perSecond: number, burst: number): RateLimitConfig => ({
  algorithm: 'token-bucket',
  perSecond,
  burst,
});

describe('what all tickets of a user have together', () => {
  const polls = () =>
    new SubjectLimit({ name: 'polls', by: ['ticket'], config: bucket(2, 4), together: bucket(10, 20) });

  it('bounds a user who gets one ticket after the other', () => {
    const tickets = Array.from({ length: 100 }, (_, n) => client(`t${n}`, 'anna', 'a'));
    expect(passed(polls(), tickets)).toBe(20);
    expect(passed(polls(), [...tickets, client('t', 'ben', 'a')])).toBe(21);
  });

  it('leaves one ticket no more than its own', () => {
    expect(
      passed(
        polls(),
        Array.from({ length: 100 }, () => client('t', 'anna', 'a')),
      ),
    ).toBe(4);
  });

  it('is nothing more for who is known by an address alone', () => {
    const nobody = { ticket: 'ip:10.0.0.1', user: 'ip:10.0.0.1' };
    const limit = polls();
    expect(
      passed(
        limit,
        Array.from({ length: 100 }, () => nobody),
      ),
    ).toBe(4);
    // Anonymous tickets from that address have the other 20.
    expect(
      passed(
        limit,
        Array.from({ length: 100 }, (_, n) => client(`t${n}`, 'ip:10.0.0.1', '')),
      ),
    ).toBe(20);
  });

  it('charges nobody for what one of them refuses', () => {
    const limit = polls();
    for (let n = 0; n < 5; n++) limit.spend(client(`t${n}`, 'anna', 'a'), 4, NOW_MS);
    const late = client('late', 'anna', 'a');
    expect(() => limit.spend(late, 4, NOW_MS)).toThrow(RateLimited);
    expect(limit.spend(late, 4, NOW_MS + 400)).toMatchObject({ allowed: true });
  });
});

describe('a unit that is spent before it is known what is asked for', () => {
  const anna = client('t', 'anna', 'a');
  const limit = () =>
    new SubjectLimit({ name: 'polls', by: ['ticket'], config: bucket(1, 4), together: bucket(5, 20) });

  it('counts towards a price above it, and what it was too much is given back', () => {
    const one = limit();
    one.spend(anna, 1, NOW_MS);
    one.settle(anna, 3.5, NOW_MS, NOW_MS);
    for (let n = 0; n < 5; n++) {
      one.spend(client('other', 'ben', 'b'), 1, NOW_MS);
      one.settle(client('other', 'ben', 'b'), 0, NOW_MS, NOW_MS);
    }
    expect(() => one.spend(anna, 1, NOW_MS)).toThrow(RateLimited);
    expect(one.spend(anna, 0.5, NOW_MS)).toMatchObject({ allowed: true });
  });

  it('is all that a request costs that is refused then, and the wait is for the whole', () => {
    const one = limit();
    one.spend(anna, 3, NOW_MS);
    one.spend(anna, 1, NOW_MS);
    expect(() => one.settle(anna, 2, NOW_MS, NOW_MS)).toThrow(expect.objectContaining({ retryAfterMs: 2_000 }));
    one.spend(anna, 1, NOW_MS + 2_000);
    expect(() => one.settle(anna, 2, NOW_MS + 2_000, NOW_MS + 2_000)).not.toThrow();
  });
});

it('what can never pass is too many channels, and no wait is endless', () => {
  const one = new SubjectLimit({ name: 'polls', by: ['ticket'], config: bucket(1, 4), together: bucket(5, 20) });
  expect(() => one.spend(client('t', 'anna', 'a'), 12.8, NOW_MS)).toThrow(
    expect.objectContaining({ code: 'too_many_channels', retryAfterMs: undefined }),
  );
});

it('has what was used already owed by the ticket, and by all of its user together', () => {
  const limit = new SubjectLimit({ name: 'polls', by: ['ticket'], config: bucket(1, 4), together: bucket(5, 20) });
  const [one, other, stranger] = [client('t1', 'anna', 'a'), client('t2', 'anna', 'a'), client('t3', 'ben', 'a')];
  limit.charge(one, 10, NOW_MS);
  expect(() => limit.spend(one, 0, NOW_MS)).toThrow(expect.objectContaining({ retryAfterMs: 6_000 }));
  limit.spend(other, 0, NOW_MS);
  limit.charge(other, 12, NOW_MS);
  limit.spend(one, 1, NOW_MS + 7_000);
  limit.charge(other, 60, NOW_MS + 7_000);
  expect(() => limit.spend(one, 0, NOW_MS + 7_000)).toThrow(RateLimited);
  limit.spend(stranger, 4, NOW_MS + 7_000);
});

it('has all that is there taken where an algorithm knows no debt', () => {
  const limit = limitBy('ticket');
  const [one, other] = [client('t1', 'anna', 'a'), client('t2', 'anna', 'a')];
  limit.charge(one, 100, NOW_MS);
  expect(passed(limit, [one])).toBe(0);
  expect(passed(limit, [other])).toBe(1);
});

it('lets through whoever waits as long as it was told, whichever of its subjects had too few', () => {
  const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 13, max: 60 }) });
  const steps = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 400 }),
      cost: fc.constantFrom(0.1, 1, 3.7, 12.8),
      ticket: fc.constantFrom('t1', 't2', 't3'),
      user: fc.constantFrom('anna', 'ben'),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(rates, rates, fc.boolean(), steps, (own, all, isByUser, script) => {
      const by: readonly SubjectKind[] = isByUser ? ['ticket', 'user'] : ['ticket'];
      const [config, together] = [bucket(own.perSecond, own.burst), bucket(all.perSecond, all.burst)];
      const limit = new SubjectLimit({ name: 'polls', by, config, together });
      let atMs = NOW_MS;
      for (const { waitMs, cost, ticket, user } of script) {
        atMs += waitMs;
        const keys = { ticket: `${user}:${ticket}`, user };
        try {
          limit.spend(keys, cost, atMs);
        } catch (error) {
          const { retryAfterMs } = error as RateLimited;
          expect(Number.isFinite(retryAfterMs) && (retryAfterMs ?? 0) > 0).toBe(true);
          atMs += retryAfterMs ?? 0;
          limit.spend(keys, cost, atMs);
        }
      }
    }),
  );
});
