// A link's identity says what its ticket said, but for the reservation.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Identity } from '../../../src/auth/identity.js';
import { KeptIdentity } from '../../../src/auth/kept-identity.js';
import { NOBODY } from '../../../src/node/clients/visitor.js';

const ticket: Identity = {
  ...{ kind: 'ticket', user: 'anna', grants: { subscribe: ['news'], publish: [], presence: [] }, issuedAtMs: 0 },
  ...{ expiresAtMs: 0, toleranceMs: 5_000, tokenId: 't', connection: 'c', reservation: 'r' },
};
const toldBy = ({ kind, user, grants, toleranceMs, tokenId, connection, issuedAtMs, expiresAtMs }: Identity) => ({
  ...{ kind, user, grants, toleranceMs, tokenId, connection, issuedAtMs, expiresAtMs },
});

it('says the same, to the millisecond', () => {
  const ms = fc.integer({ min: -(10 ** 12), max: 10 ** 14 });
  fc.assert(
    fc.property(ms, ms, (issuedAtMs, expiresAtMs) => {
      const identity = { ...ticket, issuedAtMs, expiresAtMs };
      expect(toldBy(new KeptIdentity(identity))).toEqual(toldBy(identity));
      expect(toldBy(new KeptIdentity(new KeptIdentity(identity)))).toEqual(toldBy(identity));
    }),
  );
});

it('ends never where that is so, and has no reservation', () => {
  expect(new KeptIdentity(NOBODY)).toMatchObject({ kind: 'anonymous', user: null });
  expect(new KeptIdentity(NOBODY).expiresAtMs).toBe(Number.POSITIVE_INFINITY);
  expect(new KeptIdentity(ticket).reservation).toBeUndefined();
});
