// The filter's promise: nothing that was added is ever missing, and of a million others it takes as many for its own as it was told.

import { describe, expect, it } from 'vitest';
import { BloomFilter } from '../../../src/lib/bloom-filter.js';
import { Random } from '../../support/random.js';

const PROBES = 1_000_000;

function filled(capacity: number, falsePositives: number, name: (n: number) => string): BloomFilter {
  const random = new Random(7);
  const filter = new BloomFilter(capacity, falsePositives, () => random.next());
  for (let n = 0; n < capacity; n++) filter.add(name(n));
  return filter;
}

describe('the Bloom filter', () => {
  it.each([
    [0.001, 10_000, 'user-'],
    [0.001, 1_024, 'user-'],
    [0.0005, 100_000, ''],
    [0.01, 50_000, 'auth0|65f0c2d9a1b2c3d4e5f6'],
  ])('takes %d of a million others for one of its own when it is full of %d like "%s…"', (rate, capacity, prefix) => {
    const filter = filled(capacity, rate, (n) => `${prefix}${n}`);
    let wrong = 0;
    for (let n = 0; n < PROBES; n++) if (filter.mayHave(`${prefix}x${n}`)) wrong++;
    const expected = PROBES * rate;
    // Five standard deviations of a count, and what rounding the number of probes costs.
    expect(wrong).toBeLessThan(1.1 * expected + 5 * Math.sqrt(expected));
    expect(wrong).toBeGreaterThan(0.8 * expected - 5 * Math.sqrt(expected));
  });

  it('has all that was added, of each kind by itself', () => {
    const filter = filled(20_000, 0.001, (n) => `u${n}`);
    for (let n = 0; n < 20_000; n++) if (!filter.mayHave(`u${n}`)) expect.unreachable(`u${n} is missing`);
    let others = 0;
    for (let n = 0; n < 20_000; n++) if (filter.mayHave(`u${n}`, 1)) others++;
    expect(others).toBeLessThan(60);
    filter.add('u1', 1);
    expect(filter.mayHave('u1', 1)).toBe(true);
  });

  it('counts what was not there, and needs 14.4 bits for each at one in a thousand', () => {
    const filter = filled(10_000, 0.001, (n) => `u${n % 5_000}`);
    expect(filter.count).toBeGreaterThan(4_990);
    expect(filter.count).toBeLessThanOrEqual(5_000);
    expect((filter.bytes * 8) / filter.capacity).toBeCloseTo(14.4, 0);
  });

  it.each([
    [0, 0.1],
    [Number.NaN, 0.1],
    [10, 0],
    [10, 1],
  ])('refuses %d texts at %d', (capacity, rate) => {
    expect(() => new BloomFilter(capacity, rate)).toThrow(TypeError);
  });
});
