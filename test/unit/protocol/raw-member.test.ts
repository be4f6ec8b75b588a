// A member of a JSON object as it was written.

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rawItems, rawMember } from '../../../src/protocol/raw-member.js';

/** A key as JSON, every character of it that `escaped` says as an escape. */
const written = (key: string, escaped: readonly boolean[]) =>
  `"${[...Array(key.length).keys()]
    .map((at) => {
      const plain = JSON.stringify(key.charAt(at)).slice(1, -1);
      return escaped[at] || plain.startsWith('\\u') ? unicode(key.charCodeAt(at)) : plain;
    })
    .join('')}"`;
const unicode = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;

describe('raw member', () => {
  afterEach(() => vi.restoreAllMocks());

  it('knows a name however it is escaped, and reads no key as JSON for it', () => {
    const text = fc.string({ unit: fc.constantFrom('d', 'a', 't', '"', '\\', '/', '\n', 'é', '\u0001', '{', ',') });
    const wanted = fc.constantFrom('data', 'd"a', 'a\\', '', 'é\n');
    fc.assert(
      fc.property(fc.oneof(text, wanted), fc.array(fc.boolean()), wanted, (name, escaped, asked) => {
        const body = `{"x":{"data":[1,{}]},${written(name, escaped)}:"found, or }not"}`;
        const parsed = JSON.parse(body) as object;
        const parse = vi.spyOn(JSON, 'parse');
        const raw = rawMember(body, asked);
        expect(parse).not.toHaveBeenCalled();
        parse.mockRestore();
        expect(raw).toBe(Object.hasOwn(parsed, asked) ? '"found, or }not"' : undefined);
      }),
    );
  });

  it.each([
    ['{"data":12345678901234567890}', '12345678901234567890'],
    ['{ "a" : [1,{"data":2}] , "data" : 1.0 , "b":{} }', '1.0'],
    ['{"data":1,"data":{"x":"}\\",\\""}}', '{"x":"}\\",\\""}'],
    ['{"d\\u0061ta":[ 1 , 2 ]}', '[ 1 , 2 ]'],
    ['\n{"x":"\\\\","data":"é"}\n', '"é"'],
    ['{"x":1}', undefined],
    ['{}', undefined],
  ])('finds data in %s', (text, expected) => {
    expect(rawMember(text, 'data')).toBe(expected);
  });

  it('says the same as JSON.parse for any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.integer({ min: 0, max: 3 }),
        (record, extra, indent) => {
          const text = JSON.stringify(record, null, indent);
          for (const key of [...Object.keys(record), extra]) {
            const raw = rawMember(text, key);
            if (Object.hasOwn(record, key))
              expect(JSON.parse(raw ?? '')).toEqual(JSON.parse(JSON.stringify(record[key])));
            else expect(raw).toBeUndefined();
          }
        },
      ),
    );
  });
});

describe('raw items', () => {
  it('are the items of an array as they were written', () => {
    expect(rawItems(' [ 1.50 ,{"a":"],"} , [2,[3]],"\\"]" , null ]')).toEqual([
      '1.50',
      '{"a":"],"}',
      '[2,[3]]',
      '"\\"]"',
      'null',
    ]);
    expect([rawItems('[]'), rawItems('[ ]')]).toEqual([[], []]);
  });

  it('are what JSON.parse makes of the array, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, space) => {
        const items = rawItems(JSON.stringify(values, null, space));
        expect(items.map((item) => JSON.parse(item))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });
});
