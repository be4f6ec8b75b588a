// The ring of one channel: contiguous, bounded, searchable by offset.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildMessage, passingFrames } from '../../../src/node/channel-message.js';
import { MessageRing } from '../../../src/node/message-ring.js';
import { formatOffset } from '../../../src/protocol/index.js';

const at = (n: number) => formatOffset(1_700_000_000_000 + n, 0);
const PREFIX = '{"type":"message",';
const message = (n: number, data = String(n)) =>
  buildMessage(PREFIX, { offset: at(n), previous: at(n - 1), data: Buffer.from(data), from: undefined }, passingFrames);
const FRAME_BYTES = message(1).frame.length;
const ringOf = (maxMessages: number, maxBytes: number) =>
  new MessageRing({ maxMessages, maxBytes }, PREFIX.length, at(0));

describe('message ring', () => {
  it('holds its base and every message in it, and nothing else', () => {
    const ring = ringOf(10, 1e9);
    for (let n = 1; n <= 3; n++) ring.push(message(n));
    expect(ring.holds(at(0))).toBe(true);
    expect(ring.holds(at(3))).toBe(true);
    expect(ring.holds(at(4))).toBe(false);
    expect(ring.after(at(1))?.map((held) => held.offset)).toEqual([at(2), at(3)]);
    expect(ring.after(at(9))).toBeUndefined();
  });

  it('moves its base when a bound is passed', () => {
    const ring = ringOf(100, 2.5 * FRAME_BYTES);
    for (let n = 1; n <= 5; n++) ring.push(message(n));
    expect(ring.size).toBe(2);
    expect(ring.base).toBe(at(3));
    expect(ring.after(at(3))?.length).toBe(2);
    expect(ring.holds(at(2))).toBe(false);
  });

  it('keeps one message that is larger than its bytes', () => {
    const ring = ringOf(100, 2.5 * FRAME_BYTES);
    ring.push(message(1, JSON.stringify('x'.repeat(500))));
    expect(ring.size).toBe(1);
  });

  it('begins again where it is told to', () => {
    const ring = ringOf(2, 1e9);
    for (let n = 1; n <= 3; n++) ring.push(message(n));
    ring.reset(at(7));
    expect(ring.base).toBe(at(7));
    expect(ring.holds(at(3))).toBe(false);
    ring.push(message(8));
    expect(ring.after(at(7))).toEqual([message(8)]);
  });

  it('is always the newest contiguous run, whatever its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 400 }), (maxMessages, pushed) => {
        const ring = ringOf(maxMessages, 1e9);
        for (let n = 1; n <= pushed; n++) ring.push(message(n));
        const held = ring.after(ring.base) ?? [];
        expect(held.length).toBe(Math.min(pushed, maxMessages));
        expect(held.at(-1)?.offset ?? ring.base).toBe(at(pushed));
        expect(ring.base).toBe(at(pushed - held.length));
        for (const [index, one] of held.entries()) {
          const n = pushed - held.length + index + 1;
          expect(one).toEqual(message(n));
          expect(ring.after(at(n))?.length).toBe(held.length - index - 1);
        }
        expect(ring.holds(at(pushed - held.length - 1))).toBe(false);
        expect(ring.holds(at(pushed + 1))).toBe(false);
      }),
    );
  });
});
