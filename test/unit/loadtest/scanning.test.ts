// The load test's scanners find every message wherever the network has cut the bytes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientFrame, OPCODE, scanFrames } from '../../../loadtest/clients/frames.js';
import { scanAnswer } from '../../../loadtest/clients/http.js';
import { countPayloads } from '../../../loadtest/clients/payload-scan.js';
import { Tally } from '../../../loadtest/clients/tally.js';
import { MIN_PAYLOAD_BYTES, makePayload, readDueUs, readNumber, stampPayload } from '../../../loadtest/payload.js';

/** Hands `bytes` over in pieces, as a link does: what a scanner has not used comes again. */
function feed(bytes: Buffer, cuts: readonly number[], scan: (bytes: Buffer) => number): void {
  const edges = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  let rest = Buffer.alloc(0);
  for (const [at, edge] of edges.entries()) {
    const joined = Buffer.concat([rest, bytes.subarray(edges[at - 1] ?? 0, edge)]);
    rest = Buffer.from(joined.subarray(scan(joined)));
  }
}

function serverFrame(text: string): Buffer {
  const frame = clientFrame(OPCODE.text, text);
  const head = Buffer.from(frame.subarray(0, text.length < 126 ? 2 : 4));
  head[1] = (head[1] ?? 0) & 0x7f; // a server does not mask
  return Buffer.concat([head, Buffer.from(text)]);
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });

describe('frames', () => {
  it('are all visited, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 300 })), cuts, (texts, at) => {
        const seen: string[] = [];
        feed(Buffer.concat(texts.map(serverFrame)), at, (bytes) =>
          scanFrames(bytes, (whole, opcode, start, end) => {
            if (opcode === OPCODE.text) seen.push(whole.toString('utf8', start, end));
          }),
        );
        expect(seen).toEqual(texts);
      }),
    );
  });
});

describe('payloads in a stream', () => {
  it('are all counted, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), cuts, (count, at) => {
        const tally = new Tally(() => {});
        const place = tally.addClient(0);
        const numbers = Array.from({ length: count }, (_, index) => index + 1);
        const stream = numbers
          .map((number) => `event: message\ndata: {"data":${makePayload(100, 5, number)}}\n\n`)
          .join('');
        feed(Buffer.from(stream), at, (bytes) => countPayloads(bytes, place, tally));
        const { deliveries, lost, repeated } = tally.report({ messages: count, channels: 1, first: 1 });
        expect({ deliveries, lost, repeated }).toEqual({ deliveries: count, lost: 0, repeated: 0 });
      }),
    );
  });
});

describe('an answer', () => {
  it('is found when its body is complete', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1');
    expect(scanAnswer(bytes)).toEqual({ status: 200, bodyStart: 38, end: 43, closes: false });
    expect(scanAnswer(bytes.subarray(0, 42))).toBeUndefined();
  });

  it('says whether the server closes behind it', () => {
    const bytes = Buffer.from('HTTP/1.1 204 No Content\r\nDate: now\r\nConnection: close\r\n\r\n');
    expect(scanAnswer(bytes)).toMatchObject({ status: 204, closes: true });
  });
});

describe('a payload', () => {
  it('has the length that was asked for and gives its time and number back', () => {
    const payload = makePayload(MIN_PAYLOAD_BYTES + 10, 1_234_567_890_123, 4_321);
    expect(payload).toHaveLength(MIN_PAYLOAD_BYTES + 10);
    expect(JSON.parse(payload)).toMatchObject({ x: 'x'.repeat(10) });
    const bytes = Buffer.from(payload);
    expect([readDueUs(bytes, 0), readNumber(bytes, 0)]).toEqual([1_234_567_890_123, 4_321]);
  });

  it('can be given another time and number in place', () => {
    const bytes = Buffer.from(` ${makePayload(MIN_PAYLOAD_BYTES, 1, 1)}`);
    stampPayload(bytes, 1, 987_654_321, 77);
    expect(bytes.toString()).toBe(` ${makePayload(MIN_PAYLOAD_BYTES, 987_654_321, 77)}`);
  });
});
