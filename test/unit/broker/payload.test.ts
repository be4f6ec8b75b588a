// Payloads from Redis become one JSON value on one line, whatever they were.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJson, normalise } from '../../../src/broker/payload.js';

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Text that is nearly JSON: JSON with some bytes replaced, or a soup of JSON's own pieces. */
const nearlyJson = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.tuple(fc.json(), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const bytes = Buffer.from(text);
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc
    .array(
      fc.constantFrom(
        ...['{', '}', '[', ']', ',', ':', '"', '"a"', '"k":', '\\', '\\u00e9', '\\"', 'true', 'false', 'null', 'nul'],
        ...[
          '0',
          '-',
          '1',
          '12',
          '.',
          '.5',
          'e',
          'E+',
          'e-3',
          '+',
          ' ',
          '\n',
          '\r',
          '\t',
          'é',
          '\u2028',
          '\ufeff',
          '\0',
        ],
      ),
      { maxLength: 12 },
    )
    .map((pieces) => Buffer.from(pieces.join(''))),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);

describe('normalise', () => {
  test('takes for JSON exactly what JSON.parse takes', () => {
    fc.assert(
      fc.property(nearlyJson, (bytes) => {
        expect(isJson(bytes), JSON.stringify(bytes.toString('latin1'))).toBe(parses(bytes));
      }),
      { numRuns: 20_000 },
    );
  });

  test('always gives one JSON value without line breaks, and the same value where it was JSON', () => {
    fc.assert(
      fc.property(nearlyJson, (bytes) => {
        const clean = normalise(bytes);
        expect(parses(clean)).toBe(true);
        expect(clean.includes(10) || clean.includes(13)).toBe(false);
        const value: unknown = JSON.parse(clean.toString());
        if (parses(bytes)) expect(value).toEqual(JSON.parse(bytes.toString()));
        else expect(value).toBe(bytes.toString('utf8'));
        expect(normalise(clean)).toBe(clean);
      }),
      { numRuns: 10_000 },
    );
  });

  test('hands back the same buffer when nothing changes', () => {
    const payload = Buffer.from('{"a": [1, -2.5e+3, "\\u00e9 é", true, null], "b": {}}');
    expect(normalise(payload)).toBe(payload);
  });

  test('drops line breaks between tokens and nothing else', () => {
    expect(normalise(Buffer.from('{\r\n  "a": 1,\n\t"b": "x y"\r}\n')).toString()).toBe('{  "a": 1,\t"b": "x y"}');
  });

  test.each([
    ['an injection', '1,"channel":"admin","data":2'],
    ['plain text', 'hello'],
    ['nothing', ''],
    ['NaN', 'NaN'],
    ['two values', '1 2'],
    ['a byte order mark', '\ufeff{}'],
    ['a raw line break in a string', '"a\nb"'],
    ['a trailing comma', '[1,]'],
    ['an unclosed object', '{"a":1'],
    ['a leading zero', '01'],
    ['a leading plus', '+1'],
    ['a bare minus', '-'],
    ['a short escape', '"\\u12"'],
    ['a comment', '{}//'],
    ['a capital literal', 'True'],
  ])('makes a JSON string of %s', (_, text) => {
    expect(normalise(Buffer.from(text)).toString()).toBe(JSON.stringify(text));
  });

  test('writes U+FFFD for bytes that are not UTF-8', () => {
    expect(normalise(Buffer.from('"a\xff"', 'latin1')).toString()).toBe('"\\"a\ufffd\\""');
    expect(normalise(Buffer.from([0xc0, 0xaf])).toString()).toBe('"\ufffd\ufffd"');
    expect(normalise(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])).toString()).toContain('\ufffd');
  });

  test('keeps a string of what is no JSON about as short as it was, where it would grow over the limit', () => {
    const escaped = Buffer.alloc(10_000, 0x01);
    expect(normalise(escaped, 60_002).length).toBe(60_002);
    expect(normalise(escaped, 20_000).toString()).toBe(JSON.stringify('?'.repeat(10_000)));
    const mixed = Buffer.from(`"\\é\u0001${'\u0002'.repeat(10_000)}plain`);
    expect(normalise(mixed, mixed.length).toString()).toBe(JSON.stringify(`?????${'?'.repeat(10_000)}plain`));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => {
        const payload = Buffer.from(bytes);
        const clean = normalise(payload, payload.length);
        expect(isJson(clean)).toBe(true);
        expect(clean.length).toBeLessThanOrEqual(payload.length + 1_024);
      }),
    );
  });

  test.each([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ])('takes 256 levels of %s…%s, which every client can read, and makes a string of more', (open, close) => {
    const nested = (levels: number) => {
      const each = levels / (open.length > 1 && open[0] === '[' ? 2 : 1);
      return Buffer.from(`${open.repeat(each)}1${close.repeat(each)}`);
    };
    const most = nested(256);
    expect(normalise(most)).toBe(most);
    const deep = nested(258);
    expect(JSON.parse(normalise(deep).toString())).toBe(deep.toString());
    const abyss = nested(1_000_000);
    expect(JSON.parse(normalise(abyss).toString())).toBe(abyss.toString());
  });
});
