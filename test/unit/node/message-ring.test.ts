// The ring of one channel: contiguous, bounded, searchable by offset.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelMessage } from '../../../src/node/channel-message.js';
import { MessageRing } from '../../../src/node/message-ring.js';
import { formatOffset } from '../../../src/protocol/index.js';

const at = (n: number) => formatOffset(1_700_000_000_000 + n, 0);
const message = (n: number, bytes = 10) => new ChannelMessage(at(n), at(n - 1), Buffer.alloc(bytes), 0);

describe('message ring', () => {
  it('holds its base and every message in it, and nothing else', () => {
    const ring = new MessageRing({ maxMessages: 10, maxBytes: 1_000 }, at(0));
    for (let n = 1; n <= 3; n++) ring.push(message(n));
    expect(ring.holds(at(0))).toBe(true);
    expect(ring.holds(at(3))).toBe(true);
    expect(ring.holds(at(4))).toBe(false);
    expect(ring.after(at(1))?.map((held) => held.offset)).toEqual([at(2), at(3)]);
    expect(ring.after(at(9))).toBeUndefined();
  });

  it('moves its base when a bound is passed', () => {
    const ring = new MessageRing({ maxMessages: 100, maxBytes: 25 }, at(0));
    for (let n = 1; n <= 5; n++) ring.push(message(n));
    expect(ring.size).toBe(2);
    expect(ring.base).toBe(at(3));
    expect(ring.after(at(3))?.length).toBe(2);
    expect(ring.holds(at(2))).toBe(false);
  });

  it('keeps one message that is larger than its bytes', () => {
    const ring = new MessageRing({ maxMessages: 100, maxBytes: 25 }, at(0));
    ring.push(message(1, 500));
    expect(ring.size).toBe(1);
  });

  it('is always the newest contiguous run, whatever its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 400 }), (maxMessages, pushed) => {
        const ring = new MessageRing({ maxMessages, maxBytes: 1e9 }, at(0));
        for (let n = 1; n <= pushed; n++) ring.push(message(n));
        const held = ring.after(ring.base) ?? [];
        expect(held.length).toBe(Math.min(pushed, maxMessages));
        expect(held.at(-1)?.offset ?? ring.base).toBe(at(pushed));
        for (const [index, one] of held.entries()) {
          expect(one.previous).toBe(index === 0 ? ring.base : held[index - 1]?.offset);
          expect(ring.after(one.offset ?? '')?.length).toBe(held.length - index - 1);
        }
      }),
    );
  });
});
