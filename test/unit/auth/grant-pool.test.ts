// Grants that many have in common are one object, and what is known of them is bounded.

import { describe, expect, it } from 'vitest';
import { GrantPool } from '../../../src/auth/grant-pool.js';
import type { Grants } from '../../../src/auth/identity.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';

const reading = (...subscribe: string[]): Grants => ({ subscribe, publish: [], presence: [] });

describe('a pool of grants', () => {
  it('answers one object for the same grants, and another for others', () => {
    const pool = new GrantPool();
    const first = pool.of(reading('news:*'));
    expect(pool.of(reading('news:*'))).toBe(first);
    const others = [
      reading('news:1'),
      reading('news:*', 'chat'),
      reading(),
      { ...reading('news:*'), publish: ['x'] },
      { ...reading('news:*'), presence: ['x'] },
      { ...reading('news:*'), publishLive: [] },
    ];
    for (const other of others) {
      expect(pool.of(reading('news:*'))).toBe(first);
      expect(pool.of(other)).toEqual(other);
      expect(pool.of(other)).not.toBe(first);
      expect(pool.of({ ...other })).toBe(pool.of(other));
    }
    // What one list ends with does not pass for what the next begins with.
    expect(pool.of({ subscribe: ['a'], publish: ['b'], presence: [] })).not.toBe(
      pool.of({ subscribe: ['a', 'b'], publish: [], presence: [] }),
    );
  });

  it('is bounded in number and in length, whoever comes', () => {
    const pool = new GrantPool();
    for (let n = 0; n < 10_000; n++) pool.of(reading(`user:${n}`));
    expect(pool.size).toBeLessThanOrEqual(256);
    const { size } = pool;
    const long = reading('x'.repeat(600));
    expect(pool.of(long)).toBe(long);
    expect(pool.size).toBe(size);
  });

  it('serves the tickets of an authority', () => {
    const tickets = createTicketAuthority({ secrets: ['a secret of the tests, 32 bytes long'], audience: 'tests' });
    const rest = { kind: 'token', issuedAtMs: 0, expiresAtMs: Date.now() + 60_000 } as const;
    const none = { tokenId: undefined, connection: undefined, reservation: undefined };
    const grantsOf = (user: string, connection: string) => {
      const identity = { ...rest, ...none, user, grants: reading('news:*') };
      return tickets.verify(tickets.sign(identity, { connection }).text).grants;
    };
    expect(grantsOf('anna', 'c1')).toEqual(reading('news:*'));
    expect(grantsOf('ben', 'c2')).toBe(grantsOf('anna', 'c1'));
  });
});
