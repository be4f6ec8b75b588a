// What the soak calls growth.

import { expect, it } from 'vitest';
import { type Sample, slopeOf } from '../../soak/slope.js';
import { Random } from '../../support/random.js';

const EVERY_MS = 30_000;
/** Two hours of a figure around 30 that leaks so much an hour, with collections that come and go. */
function figures(perHour: number, seed: number): Sample[] {
  const random = new Random(seed);
  let drift = 0;
  return Array.from({ length: 240 }, (_, n) => {
    drift = 0.8 * drift + random.next() - 0.5;
    return { atMs: n * EVERY_MS, value: 30 + (perHour * n * EVERY_MS) / 3_600_000 + drift };
  });
}
const seeds = [...Array(100).keys()];
const growing = (perHour: number) => seeds.filter((seed) => slopeOf(figures(perHour, seed)).grows).length;

it('takes no noise for growth', () => {
  expect(growing(0)).toBe(0);
});

it('sees a leak of a twentieth an hour under that noise', () => {
  expect(growing(1.5)).toBeGreaterThan(95);
});

it('says how much it grows an hour, what chance could do to that, and where it stands', () => {
  const straight = Array.from({ length: 20 }, (_, n) => ({ atMs: n * 3_600_000, value: 100 + 7 * n }));
  expect(slopeOf(straight)).toEqual({
    perHour: expect.closeTo(7),
    noise: expect.closeTo(0),
    level: 166.5,
    grows: true,
  });
});

it('says nothing of a handful of samples', () => {
  expect(() => slopeOf(figures(0, 1).slice(0, 9))).toThrow('10 samples');
});
