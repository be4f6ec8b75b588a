// The names by which limits count who stands at a door.

import { expect, it } from 'vitest';
import { NOBODY, namelessSubject, userSubject, Visitor } from '../../../src/node/clients/visitor.js';

it('are each user its own, in whatever order they are asked for', () => {
  for (const user of ['', 'anna', 'ben', 'ben', 'anna', '']) {
    expect(userSubject(user)).toBe(`user:${user}`);
    expect(new Visitor({ ...NOBODY, user }, { address: '192.0.2.1', bearer: () => undefined }).user).toBe(
      `user:${user}`,
    );
  }
});

it('of a user is not that of an address, whatever it is called', () => {
  expect(userSubject('192.0.2.1')).not.toBe(namelessSubject('192.0.2.1'));
});
