// A client's position in a channel, and what it makes of each event.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChannel, receive } from '../../../client-sdk/channel.js';
import type { After, GapReason, Offset } from '../../../src/protocol/index.js';
import { offset } from './fakes/world.js';

const LINE = { order: 1, sinceMs: 0 };

function at(position: After) {
  const channel = createChannel('news', position);
  const delivered: (Offset | undefined)[] = [];
  const gaps: Offset[] = [];
  channel.readers.add((type, value) => {
    if (type === 'message') delivered.push((value as { offset?: Offset }).offset);
    if (type === 'gap') gaps.push((value as { offset: Offset }).offset);
  });
  return {
    channel,
    delivered,
    gaps,
    subscribed: (to: Offset, recovered = true, line = LINE) =>
      receive(channel, { type: 'subscribed', channel: 'news', offset: to, recovered }, line, 0),
    message: (to: Offset | undefined, line = LINE, data: string | null = null, atMs = 0) =>
      receive(channel, { type: 'message', channel: 'news', data, ...(to && { offset: to }) }, line, atMs),
    gap: (to: Offset, line = LINE, reason: GapReason = 'trimmed', after = position) =>
      receive(channel, { type: 'gap', channel: 'news', after, offset: to, reason }, line, 0),
  };
}

describe('the position in a channel', () => {
  it('begins at the tail for `now`, and before the first message for `-1`', () => {
    for (const after of ['now', '-1']) {
      const { channel, subscribed } = at(after);
      subscribed(offset(7));
      expect(channel.position).toBe(offset(7));
    }
  });

  it('does not go back to what was asked for, as delivery has gone on meanwhile', () => {
    const { channel, subscribed } = at(offset(9));
    subscribed(offset(5));
    expect(channel.position).toBe(offset(9));
  });

  it('stays until the gap has come when not all was recovered, and then is the gap’s, even if that is lower', () => {
    const { channel, subscribed, gap } = at(offset(9));
    subscribed(offset(4), false);
    expect(channel.position).toBe(offset(9));
    gap(offset(4));
    expect(channel.position).toBe(offset(4));
  });

  it('follows delivered messages, and is not moved by live-only ones', () => {
    const { channel, subscribed, message } = at(offset(1));
    subscribed(offset(1));
    message(offset(3));
    message(undefined);
    expect(channel.position).toBe(offset(3));
  });

  it('is moved by no other line than the one that said `subscribed` last', () => {
    const { channel, delivered, subscribed, message, gap } = at(offset(1));
    const other = { order: 2, sinceMs: 0 };
    message(offset(2));
    subscribed(offset(1));
    message(offset(2), other);
    gap(offset(8), other);
    subscribed(offset(1), true, other);
    message(offset(3));
    message(offset(2), other);
    expect(delivered).toEqual([offset(2)]);
    expect(channel.position).toBe(offset(2));
  });

  it('is not taken over by an older line, however late that answers', () => {
    const { channel, delivered, subscribed, message } = at('now');
    const older = { order: 0.5, sinceMs: 0 };
    subscribed(offset(11));
    subscribed(offset(10), true, older);
    message(offset(12));
    message(offset(13), older);
    expect(delivered).toEqual([offset(12)]);
    expect(channel.position).toBe(offset(12));
  });

  it('takes no gap for one when all that was missing has come another way, unless history was written anew', () => {
    const { channel, gaps, subscribed, message, gap } = at(offset(1));
    const newer = { order: 2, sinceMs: 0 };
    subscribed(offset(1));
    for (const n of [2, 3, 4]) message(offset(n));
    subscribed(offset(1), false, newer);
    gap(offset(3), newer, 'expired');
    expect([gaps, channel.position]).toEqual([[], offset(4)]);
    gap(offset(2), newer, 'rewritten');
    expect([gaps, channel.position]).toEqual([[offset(2)], offset(2)]);
  });

  it('lets a live-only message through once while one line takes over from another', () => {
    const { delivered, subscribed, message } = at(offset(1));
    const newer = { order: 2, sinceMs: 0 };
    const live = (data: string, line: typeof LINE, atMs = 0) => message(undefined, line, data, atMs);
    subscribed(offset(1));
    for (const data of ['typing', 'typing', 'away']) live(data, LINE);
    subscribed(offset(1), true, newer);
    for (const data of ['typing', 'away', 'typing']) live(data, newer, 9_000);
    expect(delivered).toHaveLength(3);
    live('typing', newer, 9_000);
    live('typing', newer, 9_001);
    expect(delivered).toHaveLength(5);
  });

  it('lets it through once, however many lines take over one after the other', () => {
    const { delivered, subscribed, message } = at(offset(1));
    for (const order of [1, 2, 3]) {
      const line = { order, sinceMs: 0 };
      subscribed(offset(1), true, line);
      message(undefined, line, 'typing', order);
    }
    expect(delivered).toHaveLength(1);
  });

  it('lets two live-only messages through that differ, in what they say or in who says it, though they come over two ways', () => {
    const { channel, delivered, subscribed, message } = at(offset(1));
    const newer = { order: 2, sinceMs: 0 };
    subscribed(offset(1));
    message(undefined, LINE, 'typing');
    subscribed(offset(1), true, newer);
    message(undefined, newer, 'away');
    const from = { connection: 'c1', user: 'u1' };
    receive(channel, { type: 'message', channel: 'news', data: 'typing', from }, newer, 0);
    expect(delivered).toHaveLength(3);
    message(undefined, newer, 'typing');
    expect(delivered).toHaveLength(3);
  });

  it('remembers the last hundred live-only messages, the newest of them, from the moment on in which a way was opened', () => {
    const { delivered, subscribed, message } = at(offset(1));
    const newer = { order: 2, sinceMs: 5 };
    subscribed(offset(1));
    for (let n = 0; n < 101; n++) message(undefined, LINE, `n${n}`, 5);
    subscribed(offset(1), true, newer);
    for (const n of [100, 1]) message(undefined, newer, `n${n}`, 6);
    expect(delivered).toHaveLength(101);
    message(undefined, newer, 'n0', 6);
    expect(delivered).toHaveLength(102);
  });

  it('takes a gap for none that ends where the position is by now, and one that ends beyond it for one', () => {
    const { gaps, subscribed, message, gap } = at(offset(1));
    const newer = { order: 2, sinceMs: 0 };
    subscribed(offset(1));
    message(offset(2));
    message(offset(3));
    subscribed(offset(1), false, newer);
    gap(offset(3), newer);
    expect(gaps).toEqual([]);
    gap(offset(4), newer);
    expect(gaps).toEqual([offset(4)]);
  });

  it.each([
    ['was there before the other way was opened', 1, 2],
    ['is of long ago', 0, 120_000],
  ])('lets a live-only message through that is like one that %s', (_what, sinceMs, atMs) => {
    const { delivered, subscribed, message } = at(offset(1));
    const newer = { order: 2, sinceMs };
    subscribed(offset(1));
    message(undefined, LINE, 'typing', 0);
    subscribed(offset(1), true, newer);
    message(undefined, newer, 'typing', atMs);
    expect(delivered).toHaveLength(2);
  });

  it('lets each logged message through once and in order, whatever is repeated and whichever line takes over', () => {
    const step = fc.record({ line: fc.nat(2), from: fc.nat(30), count: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { channel, delivered, subscribed, message } = at(offset(0));
        const lines = [
          { order: 1, sinceMs: 0 },
          { order: 2, sinceMs: 0 },
          { order: 3, sinceMs: 0 },
        ];
        let newest = 0;
        for (const { line, from, count } of steps) {
          // A node replays from where it was asked to, which is at most where the client is.
          const start = Math.min(from, Number(String(channel.position).slice(14)));
          subscribed(offset(start), true, lines[line]);
          for (let n = start + 1; n <= start + count; n++) message(offset(n), lines[line]);
          newest = Math.max(newest, line);
          expect(channel.source).toBe(lines[newest]);
        }
        expect(delivered).toEqual(delivered.map((_, index) => offset(index + 1)));
      }),
    );
  });

  it('hands a message to nobody who subscribes while it is handed out, nor to who has left meanwhile', () => {
    const { channel, subscribed, message } = at(offset(0));
    const heard: string[] = [];
    const second = () => heard.push('second');
    const third = () => heard.push('third');
    channel.readers.add((type) => {
      if (type !== 'message') return;
      channel.readers.delete(second);
      channel.readers.add(third);
    });
    subscribed(offset(0));
    channel.readers.add(second);
    message(offset(1));
    expect(heard).toEqual([]);
    message(offset(2));
    expect(heard).toEqual(['third']);
  });
});
