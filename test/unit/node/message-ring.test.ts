// The ring of one channel: contiguous, bounded, searchable by offset.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HistoryMemory } from '../../../src/node/channels/history-memory.js';
import { buildMessage, type FrameAllocator, passingFrames } from '../../../src/node/channels/message.js';
import { MessageRing } from '../../../src/node/channels/ring.js';
import { formatOffset } from '../../../src/protocol/index.js';

const at = (n: number) => formatOffset(1_700_000_000_000 + n, 0);
const PREFIX = '{"type":"message",';
const message = (n: number, data = String(n), memory: FrameAllocator = passingFrames) =>
  buildMessage(PREFIX, { offset: at(n), previous: at(n - 1), data: Buffer.from(data), from: undefined }, memory);
const FRAME_BYTES = message(1).frame.length;
const ringOf = (maxMessages: number, maxBytes: number) =>
  new MessageRing({ maxMessages, maxBytes, memory: new HistoryMemory(1e9) }, PREFIX.length, at(0));

/** All that is after `position`. */
const rest = (ring: MessageRing, position: string) => ring.after(position, 1e9, 1e9);

describe('message ring', () => {
  it('holds its base and every message in it, and nothing else', () => {
    const ring = ringOf(10, 1e9);
    for (let n = 1; n <= 3; n++) message(n, String(n), ring);
    expect(ring.holds(at(0))).toBe(true);
    expect(ring.holds(at(3))).toBe(true);
    expect(ring.holds(at(4))).toBe(false);
    expect(rest(ring, at(1))?.map((held) => held.offset)).toEqual([at(2), at(3)]);
    expect(rest(ring, at(9))).toBeUndefined();
  });

  it('moves its base when a bound is passed', () => {
    const ring = ringOf(100, 2.5 * FRAME_BYTES);
    for (let n = 1; n <= 5; n++) message(n, String(n), ring);
    expect(ring.size).toBe(2);
    expect(ring.base).toBe(at(3));
    expect(rest(ring, at(3))?.length).toBe(2);
    expect(ring.holds(at(2))).toBe(false);
  });

  it('keeps one message that is larger than its bytes', () => {
    const ring = ringOf(100, 2.5 * FRAME_BYTES);
    message(1, JSON.stringify('x'.repeat(500)), ring);
    expect(ring.size).toBe(1);
  });

  it('hands over no more than was asked for, and at least one', () => {
    const ring = ringOf(100, 1e9);
    for (let n = 1; n <= 5; n++) message(n, String(n), ring);
    const count = (maxMessages: number, maxBytes: number) => ring.after(at(1), maxMessages, maxBytes)?.length;
    expect(count(3, 1e9)).toBe(3);
    expect(count(100, 1e9)).toBe(4);
    expect(count(100, 2.5 * FRAME_BYTES)).toBe(2);
    expect(count(100, 1)).toBe(1);
  });

  it('takes what the log has before its oldest, the newest first, as far as there is room', () => {
    const entry = (n: number) => ({
      offset: at(n),
      previous: at(n - 1),
      data: Buffer.from(String(n)),
      from: undefined,
    });
    const entries = [1, 2, 3, 4, 5, 6].map(entry);
    const offsets = (ring: MessageRing, from: number) => rest(ring, at(from))?.map((held) => held.offset);
    const ringAt = (base: number, maxMessages: number, maxBytes = 1e9, all = 1e9) => {
      const limits = { maxMessages, maxBytes, memory: new HistoryMemory(all) };
      const ring = new MessageRing(limits, PREFIX.length, at(base));
      for (let n = base + 1; n <= base + 3; n++) message(n, String(n), ring);
      return ring;
    };
    const ring = ringAt(4, 7);
    ring.precede(entries, PREFIX);
    expect([ring.base, offsets(ring, 0)]).toEqual([at(0), [1, 2, 3, 4, 5, 6, 7].map(at)]);
    expect(String(rest(ring, at(0))?.[0]?.frame)).toBe(String(message(1).frame));
    // It goes on as before: the oldest leave.
    for (let n = 8; n <= 20; n++) {
      message(n, String(n), ring);
      expect(offsets(ring, n - 7)).toEqual([6, 5, 4, 3, 2, 1, 0].map((back) => at(n - back)));
    }
    for (const small of [ringAt(4, 5), ringAt(4, 100, 5.5 * FRAME_BYTES), ringAt(4, 100, 1e9, 8 * FRAME_BYTES)]) {
      small.precede(entries, PREFIX);
      expect([small.base, offsets(small, 2)]).toEqual([at(2), [3, 4, 5, 6, 7].map(at)]);
    }
    // What does not lead up to it stays out: another place, and what lies behind a hole.
    const elsewhere = ringAt(9, 100);
    elsewhere.precede(entries, PREFIX);
    expect(elsewhere.base).toBe(at(9));
    const holed = ringAt(4, 100);
    holed.precede([1, 3, 4].map(entry), PREFIX);
    expect(holed.base).toBe(at(2));
  });

  it('begins again where it is told to', () => {
    const ring = ringOf(2, 1e9);
    for (let n = 1; n <= 3; n++) message(n, String(n), ring);
    ring.reset(at(7));
    expect(ring.base).toBe(at(7));
    expect(ring.holds(at(3))).toBe(false);
    message(8, String(8), ring);
    expect(rest(ring, at(7))).toEqual([message(8)]);
  });

  it('lets go of what is older than it is told, and of its memory when nothing is left', () => {
    const memory = new HistoryMemory(1e9);
    const ring = new MessageRing({ maxMessages: 10, maxBytes: 1e9, memory }, PREFIX.length, at(0));
    for (let n = 1; n <= 5; n++) message(n, String(n), ring);
    ring.dropBefore(at(3));
    expect(ring.base).toBe(at(2));
    expect(rest(ring, at(2))?.map(({ offset }) => offset)).toEqual([at(3), at(4), at(5)]);
    expect(memory.bytes).toBeGreaterThan(0);
    ring.dropBefore(at(6));
    expect([ring.base, ring.size, memory.bytes]).toEqual([at(5), 0, 0]);
    message(6, '6', ring);
    expect(rest(ring, at(5))).toEqual([message(6)]);
  });

  it('is emptied where all rings together take too much: the largest first, of those as large the oldest', () => {
    const memory = new HistoryMemory(40_000);
    const rings = Array.from(
      { length: 4 },
      () => new MessageRing({ maxMessages: 10, maxBytes: 1e9, memory }, PREFIX.length, at(0)),
    );
    const [small, older, newer, last] = rings;
    if (small === undefined || older === undefined || newer === undefined || last === undefined)
      throw new Error('four');
    message(1, '1', small);
    for (const ring of [older, newer]) message(1, JSON.stringify('x'.repeat(11_000)), ring);
    expect(memory.dropped).toBe(0);
    message(1, JSON.stringify('x'.repeat(11_000)), last);
    expect(rings.map(({ size }) => size)).toEqual([1, 0, 1, 1]);
    expect(memory).toMatchObject({ dropped: 1 });
    expect(memory.bytes).toBeLessThanOrEqual(40_000);
    // Its newest position is all that it still knows: what comes next follows on it.
    expect([older.base, older.holds(at(0)), older.holds(at(1))]).toEqual([at(1), false, true]);
    message(2, '2', older);
    expect(rest(older, at(1))).toEqual([message(2)]);
  });

  it('is always the newest contiguous run, whatever its bounds and the sizes of messages', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 20_000 }), sizes, (count, bytes, all) => {
        const ring = ringOf(count, bytes);
        const data = (n: number) => JSON.stringify(String(n % 10).repeat(all[n - 1] ?? 0));
        for (const [index] of all.entries()) message(index + 1, data(index + 1), ring);
        const held = rest(ring, ring.base) ?? [];
        expect(held).toEqual(newest(count, bytes, all.length, data));
        expect(ring.base).toBe(at(all.length - held.length));
        for (const [index, one] of held.entries()) {
          expect(rest(ring, one.offset ?? '')?.length).toBe(held.length - index - 1);
        }
        expect(ring.holds(at(all.length - held.length - 1))).toBe(false);
        expect(ring.holds(at(all.length + 1))).toBe(false);
      }),
    );
  });
});

/** The messages that a ring should hold, told the simple way. */
function newest(maxMessages: number, maxBytes: number, pushed: number, data: (n: number) => string) {
  const messages = [];
  let bytes = 0;
  for (let n = pushed; n > 0 && messages.length < maxMessages; n--) {
    const one = message(n, data(n));
    bytes += one.frame.length;
    if (bytes > maxBytes && messages.length > 0) break;
    messages.unshift(one);
  }
  return messages;
}
