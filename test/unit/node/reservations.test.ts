// Reservations that clients have brought wait for the next report.

import { expect, it } from 'vitest';
import { Reservations } from '../../../src/node/reservations.js';

it('hands over each reservation once, however often it was brought in between', () => {
  const reservations = new Reservations();
  for (const name of ['a.n1', 'b.n1', 'a.n1']) reservations.claim(name);
  reservations.claim(undefined);
  expect(reservations.take()).toEqual(['a.n1', 'b.n1']);
  expect(reservations.take()).toEqual([]);
});

it('keeps no more than lapse by themselves', () => {
  const reservations = new Reservations();
  for (let index = 0; index < 20_001; index++) reservations.claim(`${index}.n1`);
  expect(reservations.take()).toHaveLength(20_000);
});
