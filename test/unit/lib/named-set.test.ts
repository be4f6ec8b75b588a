// A set by names answers as a map would, whether it is small or has ever been large.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NamedSet } from '../../../src/lib/named-set.js';

interface Item {
  readonly name: string;
  readonly value: number;
}

const name = fc.integer({ min: 0, max: 11 }).map((letter) => `n${letter}`);
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ add: name, value: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ remove: name }) },
);

test('a set by names answers as a map does, at every size', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const set = new NamedSet<Item>();
      const map = new Map<string, Item>();
      for (const one of steps) {
        if ('add' in one) {
          const item = { name: one.add, value: one.value };
          set.add(item);
          // A map keeps the place of a key that is set again.
          map.delete(item.name);
          map.set(item.name, item);
        } else expect(set.delete(one.remove)).toBe(map.delete(one.remove));
        expect([...set.values()]).toEqual([...map.values()]);
        expect(set.size).toBe(map.size);
        for (let letter = 0; letter < 12; letter++) expect(set.get(`n${letter}`)).toBe(map.get(`n${letter}`));
      }
    }),
  );
});

test('what is walked may be emptied meanwhile', () => {
  for (const count of [3, 20]) {
    const set = new NamedSet<Item>();
    for (let at = 0; at < count; at++) set.add({ name: `n${at}`, value: at });
    for (const item of set.values()) set.delete(item.name);
    expect(set.size).toBe(0);
  }
});
