// Things by their names answer as a map would, whether they are few or have ever been many.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  allItems,
  itemCount,
  itemNamed,
  type NamedItems,
  withItem,
  withoutItem,
} from '../../../src/lib/named-items.js';

interface Item {
  readonly name: string;
  readonly value: number;
}

const name = fc.integer({ min: 0, max: 11 }).map((letter) => `n${letter}`);
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ add: name, value: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ remove: name }) },
);

test('things by their names answer as a map does, at every size', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let items: NamedItems<Item>;
      const map = new Map<string, Item>();
      for (const one of steps) {
        if ('add' in one) {
          const item = { name: one.add, value: one.value };
          items = withItem(items, item);
          // A map keeps the place of a key that is set again.
          map.delete(item.name);
          map.set(item.name, item);
        } else {
          items = withoutItem(items, one.remove);
          map.delete(one.remove);
        }
        expect([...allItems(items)]).toEqual([...map.values()]);
        expect(itemCount(items)).toBe(map.size);
        for (let letter = 0; letter < 12; letter++) expect(itemNamed(items, `n${letter}`)).toBe(map.get(`n${letter}`));
      }
    }),
  );
});

test('what is walked may be emptied meanwhile', () => {
  for (const count of [1, 3, 20]) {
    let items: NamedItems<Item>;
    for (let at = 0; at < count; at++) items = withItem(items, { name: `n${at}`, value: at });
    for (const item of allItems(items)) items = withoutItem(items, item.name);
    expect(itemCount(items)).toBe(0);
  }
});
