// A member of a JSON object as it was written.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawMember } from '../../../src/protocol/raw-member.js';

describe('raw member', () => {
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
