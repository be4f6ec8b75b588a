// The load test's scanners find every message wherever the network has cut the bytes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientFrame, OPCODE, scanFrames } from '../../../loadtest/clients/frames.js';
import { scanAnswer } from '../../../loadtest/clients/http.js';
import { countPayloads } from '../../../loadtest/clients/payload-scan.js';
import { Tally } from '../../../loadtest/clients/tally.js';
import { MIN_PAYLOAD_BYTES, makePayload, nowUs, readTimeUs } from '../../../loadtest/payload.js';

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
        const place = tally.addClient();
        const stream = `event: message\ndata: {"data":${makePayload(100)}}\n\n`.repeat(count);
        feed(Buffer.from(stream), at, (bytes) => countPayloads(bytes, place, tally));
        expect(tally.report(0, 0).deliveries).toBe(count);
      }),
    );
  });
});

describe('an answer', () => {
  it('is found when its body is complete', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1');
    expect(scanAnswer(bytes)).toEqual({ status: 200, bodyStart: 38, end: 43 });
    expect(scanAnswer(bytes.subarray(0, 42))).toBeUndefined();
  });
});

describe('a payload', () => {
  it('has the length that was asked for and gives its time back', () => {
    const before = nowUs();
    const payload = makePayload(MIN_PAYLOAD_BYTES + 10);
    expect(payload).toHaveLength(MIN_PAYLOAD_BYTES + 10);
    const time = readTimeUs(Buffer.from(payload), 0);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(nowUs());
  });
});
