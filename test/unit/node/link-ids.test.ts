// The id of a link is made of its number when somebody asks for it: always the same, and nobody else's.

import { expect, it } from 'vitest';
import { LinkIds, sessionIn } from '../../../src/node/clients/link-ids.js';

it('names a link by its session and its number, the same at each call', () => {
  const ids = new LinkIds();
  const [first, second] = [ids.next(), ids.next()];
  const id = ids.idOf(first, 'abc');
  expect(id).toMatch(/^c-abc\.[\w-]{8}1$/);
  expect(ids.idOf(first, 'abc')).toBe(id);
  expect(ids.idOf(second, 'abc')).not.toBe(id);
  expect(sessionIn(id)).toBe('c-abc');
  expect(new LinkIds().idOf(first, 'abc')).not.toBe(id);
});

it('gives a link without a session one of its own, which nobody can tell beforehand', () => {
  const ids = new LinkIds();
  const numbers = Array.from({ length: 100 }, () => ids.next());
  const sessions = numbers.map((number) => sessionIn(ids.idOf(number, undefined)));
  expect(numbers.map((number) => sessionIn(ids.idOf(number, undefined)))).toEqual(sessions);
  expect(new Set(sessions).size).toBe(100);
  expect(sessions[0]).toMatch(/^c-[\w-]{16}$/);
  // Not even by who knows how they are made.
  expect(sessionIn(new LinkIds().idOf(1, undefined))).not.toBe(sessions[0]);
});
