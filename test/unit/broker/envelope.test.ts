// The envelope of logged messages on the live channel: what is written is read, and garbage is named.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, isEnvelope, isSender } from '../../../src/broker/envelope.js';
import { formatOffset } from '../../../src/protocol/index.js';
import { encodeEnvelope } from '../../support/envelope.js';

const previous = formatOffset(1_795_342_704_012, 433_091_248_128);
const offset = formatOffset(1_795_342_704_012, 433_091_248_129);
const data = Buffer.from('{"any":"json"}');

describe('an envelope', () => {
  test('carries offset, predecessor and data', () => {
    const bytes = encodeEnvelope(offset, previous, data);
    expect(bytes.toString('latin1')).toBe(`\x011${offset}${previous}\n{"any":"json"}`);
    expect(decodeEnvelope(bytes)).toEqual({ offset, previous, data, from: undefined });
  });

  test('carries a sender before the data', () => {
    const from = Buffer.from('{"connection":"c","user":"ö"}');
    expect(decodeEnvelope(encodeEnvelope(offset, previous, data, from))).toEqual({ offset, previous, data, from });
  });

  test('is read without copying the data', () => {
    const bytes = encodeEnvelope(offset, previous, data, Buffer.from('{}'));
    const message = decodeEnvelope(bytes);
    if (typeof message === 'string') throw new Error(message);
    expect(message.data.buffer).toBe(bytes.buffer);
    expect(message.from?.buffer).toBe(bytes.buffer);
  });

  test('normalises data that is not JSON', () => {
    expect(decodeEnvelope(encodeEnvelope(offset, previous, Buffer.from('a\nb')))).toMatchObject({
      data: Buffer.from('"a\\nb"'),
    });
  });

  test.each([
    ['cut short', Buffer.from('\x011')],
    ['without data', encodeEnvelope(offset, previous, Buffer.alloc(0)).subarray(0, 62)],
    ['of an unknown version', Buffer.from(`\x012${offset}${previous}\n1`)],
    ['with an offset that is none', Buffer.from(`\x011${offset.replace('-', '0')}${previous}\n1`)],
    ['with offsets in the wrong order', Buffer.from(`\x011${previous}${offset}\n1`)],
    ['that follows itself', Buffer.from(`\x011${offset}${offset}\n1`)],
    ['with another separator', Buffer.from(`\x011${offset}${previous}\t1`)],
    ['whose sender does not end', Buffer.from(`\x011${offset}${previous} {}`)],
    ['whose sender is no object', Buffer.from(`\x011${offset}${previous} 1\n1`)],
    ['whose sender is spliced', Buffer.from(`\x011${offset}${previous} {},"channel":{}\n1`)],
  ])('%s is named as broken', (_, bytes) => {
    expect(isEnvelope(bytes)).toBe(true);
    expect(typeof decodeEnvelope(bytes)).toBe('string');
  });

  test('of random bytes never throws', () => {
    const head = Buffer.from(`\x011${offset}${previous}`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(62), (tail, cut) => {
        decodeEnvelope(Buffer.concat([head.subarray(0, cut), tail]));
        decodeEnvelope(Buffer.concat([head, tail]));
      }),
    );
  });
});

test('a sender is one JSON object on one line', () => {
  expect(isSender(Buffer.from('{"connection":"c","user":null}'))).toBe(true);
  for (const text of ['', '[]', '"x"', '{', '{}{}', '{\n}', '{\r}', ' {}'])
    expect(isSender(Buffer.from(text))).toBe(false);
});
