// The links of a user: so many, those of one session but one, and nothing left when they have gone.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Identity } from '../../../src/auth/identity.js';
import { LinkCounts } from '../../../src/node/clients/link-counts.js';
import { NOBODY } from '../../../src/node/clients/visitor.js';

const link = (user: string | null, connection: string | undefined): Identity => ({ ...NOBODY, user, connection });
/** The names of who comes from there. */
const from = (address: string) => ({ user: `ip:${address}`, address });
const TOO_MANY = expect.objectContaining({ code: 'too_many_connections', retryAfterMs: expect.any(Number) });

it('a link without a session of its own counts each time', () => {
  const counts = new LinkCounts({ max: 2, by: 'user' });
  counts.enter(link('anna', undefined), from('10.0.0.1'));
  counts.enter(link('anna', undefined), from('10.0.0.1'));
  expect(() => counts.enter(link('anna', undefined), from('10.0.0.1'))).toThrow(TOO_MANY);
  expect(() => counts.enter(link('anna', 's'), from('10.0.0.1'))).toThrow(TOO_MANY);
  counts.leave(link('anna', undefined), from('10.0.0.1'), undefined);
  counts.enter(link('anna', 's'), from('10.0.0.1'));
  expect(() => counts.enter(link('anna', 's'), from('10.0.0.1'))).not.toThrow();
  expect(() => counts.enter(link('anna', 's'), from('10.0.0.1'))).toThrow(TOO_MANY);
});

it('who has no name is counted by address, and no user by that name with it', () => {
  const counts = new LinkCounts({ max: 1, by: 'user' }, undefined, 2);
  for (let n = 0; n < 2; n++) counts.enter(link(null, undefined), from('10.0.0.1'));
  expect(() => counts.enter(link(null, 's'), from('10.0.0.1'))).toThrow(/an address has at most 2 links at a node/);
  counts.enter(link(null, undefined), from('10.0.0.2'));
  for (const user of ['anna', 'ip:10.0.0.1', '10.0.0.1']) counts.enter(link(user, undefined), from('10.0.0.1'));
  counts.leave(link(null, undefined), from('10.0.0.1'), undefined);
  counts.enter(link(null, 's'), from('10.0.0.1'));
});

it('whatever comes and goes, all links of a user but one for each session with several are within the limit', () => {
  const steps = fc.array(
    fc.record({
      user: fc.constantFrom('anna', 'ben', null),
      session: fc.constantFrom('s1', 's2', 's3', undefined),
      comes: fc.boolean(),
    }),
    { maxLength: 100 },
  );
  const max = 3;
  fc.assert(
    fc.property(steps, (script) => {
      const counts = new LinkCounts({ max, by: 'user' });
      const open: Identity[] = [];
      const counted = (user: string | null) => {
        const sessions = new Map<string | undefined, number>();
        for (const one of open)
          if (one.user === user) sessions.set(one.connection, (sessions.get(one.connection) ?? 0) + 1);
        return [...sessions].reduce((sum, [name, n]) => sum + (name === undefined || n === 1 ? n : n - 1), 0);
      };
      for (const { user, session, comes } of script) {
        const one = link(user, session);
        if (!comes) {
          const at = open.findIndex((other) => other.user === user && other.connection === session);
          if (at !== -1) counts.leave(open.splice(at, 1)[0] ?? one, from('10.0.0.1'), undefined);
          continue;
        }
        const before = counted(user);
        open.push(one);
        const fits = counted(user) <= Math.max(max, before);
        if (!fits) open.pop();
        if (fits) counts.enter(one, from('10.0.0.1'));
        else expect(() => counts.enter(one, from('10.0.0.1'))).toThrow(TOO_MANY);
      }
      for (const one of open) counts.leave(one, from('10.0.0.1'), undefined);
      for (let n = 0; n < max; n++) counts.enter(link('anna', undefined), from('10.0.0.1'));
      expect(() => counts.enter(link('anna', undefined), from('10.0.0.1'))).toThrow(TOO_MANY);
    }),
  );
});

it('by address whoever comes from one is counted, with a name or without, and nobody from another', () => {
  const counts = new LinkCounts({ max: 2, by: 'address' });
  counts.enter(link('anna', undefined), from('10.0.0.1'));
  counts.enter(link(null, undefined), from('10.0.0.1'));
  expect(() => counts.enter(link('ben', undefined), from('10.0.0.1'))).toThrow(/an address has at most 2 links/);
  counts.enter(link('anna', undefined), from('10.0.0.2'));
  counts.leave(link(null, undefined), from('10.0.0.1'), undefined);
  counts.enter(link('ben', undefined), from('10.0.0.1'));
  expect(() => counts.enter(link(null, undefined), from('10.0.0.1'))).toThrow(TOO_MANY);
});
