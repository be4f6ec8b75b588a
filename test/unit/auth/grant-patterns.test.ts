// Grants: a user's name can never reach into another's channels.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escapeSubject, readGrants } from '../../../src/auth/grant-patterns.js';
import { grants } from '../../../src/auth/identity.js';
import { channelNameProblem } from '../../../src/protocol/index.js';

const subject = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });

it.each([
  ['bob', 'bob'],
  ['auth0|1', 'auth0=7C1'],
  ['bob:x', 'bob=3Ax'],
  ['*', '=2A'],
  ['a=b', 'a=3Db'],
  ['é', '=C3=A9'],
  ['a.b_c@d+e~f-g', 'a.b_c@d+e~f-g'],
])('%s is written %s', (name, escaped) => {
  expect(escapeSubject(name)).toBe(escaped);
});

it('two names are never written alike', () => {
  fc.assert(
    fc.property(subject, subject, (a, b) => {
      expect(escapeSubject(a) === escapeSubject(b)).toBe(a === b);
    }),
  );
});

it("every name makes a good channel's name and no pattern", () => {
  fc.assert(
    fc.property(subject, (name) => {
      expect(channelNameProblem(`user:${escapeSubject(name)}`)).toBeUndefined();
      expect(escapeSubject(name)).not.toMatch(/[:*]/);
    }),
  );
});

it("one user's channels are never another's", () => {
  const claim = { subscribe: ['user:${sub}', 'user:${sub}:*'] };
  fc.assert(
    fc.property(subject, subject, (a, b) => {
      fc.pre(a !== b);
      const { subscribe } = readGrants(claim, a, false);
      expect(grants(subscribe, `user:${escapeSubject(a)}`)).toBe(true);
      expect(grants(subscribe, `user:${escapeSubject(b)}`)).toBe(false);
      expect(grants(subscribe, `user:${escapeSubject(b)}:inbox`)).toBe(false);
    }),
  );
});
