// The parser of event streams: any cut of the bytes gives the same events.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser } from '../../../client-sdk/transports/sse-parser.js';

function parse(chunks: readonly Uint8Array[]): string[] {
  const events: string[] = [];
  const feed = createSseParser((data) => events.push(data));
  for (const chunk of chunks) feed(chunk);
  return events;
}
const bytes = (text: string) => new TextEncoder().encode(text);

describe('createSseParser', () => {
  it('gives the data of each event, without names, comments and ids', () => {
    const text = ': hi\n\nevent: message\nid: 7\ndata: {"a":1}\n\n:heartbeat\n\nretry: 5\ndata:no space\n\ndata: cut';
    expect(parse([bytes(text)])).toEqual(['{"a":1}', 'no space']);
  });

  it('joins several data lines, and takes an empty one as a line', () => {
    expect(parse([bytes('data: a\ndata\ndata: b\n\ndata:\n\n')])).toEqual(['a\n\nb', '']);
  });

  it('takes a line’s end that is cut in two for one, also where nothing comes in between', () => {
    expect(parse(['data: a\r', '', '\ndata: b\r', '\n\r\n'].map(bytes))).toEqual(['a\nb']);
  });

  it('drops a byte order mark', () => {
    expect(parse([bytes('\uFEFFdata: a\n\n')])).toEqual(['a']);
  });

  it('gives the same events however the bytes are cut, with every kind of line end', () => {
    const line = fc.string({ unit: fc.constantFrom(...'aä€𝄞: {}"') });
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(200), { maxLength: 40 }),
        (events, eol, cuts) => {
          const text = events.map((lines) => lines.map((data) => `data: ${data}${eol}`).join('') + eol).join('');
          const all = bytes(text);
          const edges = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length];
          const chunks = edges.slice(1).map((edge, index) => all.subarray(edges[index], edge));
          expect(parse(chunks)).toEqual(events.map((lines) => lines.join('\n')));
        },
      ),
    );
  });

  it('takes a megabyte in small pieces in linear time', () => {
    const all = bytes(`data: ${'x'.repeat(1_000_000)}\n\n`);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += 20) chunks.push(all.subarray(at, at + 20));
    // Quadratic would take minutes, and outlast the test.
    expect(parse(chunks)[0]).toHaveLength(1_000_000);
  });

  it('says of each piece whether it completes something, or is some more of what is long', () => {
    const feed = createSseParser(() => {});
    const said = (text: string) => feed(bytes(text));
    expect(['d', 'ata: 1', '\n', '\n'].map(said)).toEqual([false, false, false, true]);
    expect([':', '\r\n', '\r', '\n'].map(said)).toEqual([false, false, true, false]);
    expect(['data: ', 'x'.repeat(248), 'x', 'x'.repeat(255), 'x'].map(said)).toEqual([false, false, true, false, true]);
    expect(feed(new Uint8Array())).toBe(false);
    expect(['ä', 'ä'].map((letter) => feed(bytes(letter).subarray(0, 1)))).toEqual([false, false]);
  });

  it('refuses an event that never ends', () => {
    const feed = createSseParser(() => {});
    const chunk = bytes('x'.repeat(1024 * 1024));
    expect(() => {
      for (let n = 0; n < 6; n++) feed(chunk);
    }).toThrow(new RangeError('event'));
  });
});
