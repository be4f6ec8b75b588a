// The JSON values of standard input, and which line is wrong.

import { describe, expect, it } from 'vitest';
import { compact, isSaidByValue, valueIn, valuesIn } from '../../../src/cli/json-lines.js';
import { ConfigError } from '../../../src/config/config-problem.js';

function sourceOf(input: string | Buffer): string | undefined {
  try {
    valuesIn(Buffer.from(input as string));
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.problems[0]?.source}: ${error.problems[0]?.message}`;
  }
}

describe('standard input', () => {
  it('is one value over several lines, or one in each line that is not empty', () => {
    expect(valuesIn(Buffer.from('{\n  "a": 1\n}\n'))).toEqual(['{"a":1}']);
    expect(valuesIn(Buffer.from('1\r\n\r\n"ä"\n'))).toEqual(['1', '"ä"']);
    expect(valuesIn(Buffer.from('\ufeff1\n2'))).toEqual(['1', '2']);
    expect(valuesIn(Buffer.from('\n'))).toEqual([]);
  });

  it('has its lines counted as an editor counts them', () => {
    expect(sourceOf('1\n\n2\n{bad\n3\n')).toMatch(/^line 4 of standard input: got "{bad", expected JSON/);
  });

  it('is UTF-8: nothing else stands for a byte that is none', () => {
    const bad = Buffer.concat([Buffer.from('1\n\n"'), Buffer.from([0xff]), Buffer.from('"\n2\n')]);
    expect(sourceOf(bad)).toBe('line 3 of standard input: expected UTF-8, got other bytes');
    expect(sourceOf(Buffer.concat([Buffer.from('{\n"a": "'), Buffer.from([0xe9]), Buffer.from('"\n}')]))).toMatch(
      /^line 2 /,
    );
  });
});

describe('a value', () => {
  it.each([
    '12345678901234567890',
    '1e400',
    '-0',
    '{"id":9007199254740993,"a":1.0}',
    '{"a":1,"a":2}',
    '{"2":1,"1":2}',
    '"\\u0041"',
  ])('keeps its text where a value of JavaScript says something else: %s', (text) => {
    expect([valueIn(text, 'argument'), isSaidByValue(text)]).toEqual([text, false]);
  });

  it.each(['{"__proto__":1}', '[1,2.5,"a b",null]', '"\\n\\""'])(
    'is handed over as one where it says all: %s',
    (text) => {
      expect([valueIn(text, 'argument'), isSaidByValue(text)]).toEqual([text, true]);
    },
  );

  it('loses the space between its parts alone, so that it stands on one line', () => {
    expect(compact('{ "a b" :\r\n[ 1 ,\t"\\" \\\\" , 2 ] }')).toBe('{"a b":[1,"\\" \\\\",2]}');
  });
});
