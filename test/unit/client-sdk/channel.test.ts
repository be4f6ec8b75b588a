// A client's position in a channel, and what it makes of each event.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Channel, receive } from '../../../client-sdk/channel.js';
import { createEmitter } from '../../../client-sdk/emitter.js';
import type { After, Offset } from '../../../src/protocol/index.js';
import { offset } from './fakes/world.js';

const LINE = {};

function at(position: After) {
  const channel: Channel = { name: 'news', position, state: { type: 'pending' }, subscribed: new Set() };
  const emitter = createEmitter<{ message: { offset?: Offset }; gap: unknown; state: unknown }>();
  const delivered: (Offset | undefined)[] = [];
  emitter.on('message', (message) => delivered.push(message.offset));
  channel.subscribed.add(emitter as never);
  return {
    channel,
    delivered,
    subscribed: (to: Offset, recovered = true, line = LINE) =>
      receive(channel, { type: 'subscribed', channel: 'news', offset: to, recovered }, line),
    message: (to: Offset | undefined, line = LINE) =>
      receive(channel, { type: 'message', channel: 'news', data: null, ...(to && { offset: to }) }, line),
    gap: (to: Offset, line = LINE) =>
      receive(channel, { type: 'gap', channel: 'news', after: position, offset: to, reason: 'trimmed' }, line),
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
    const other = {};
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

  it('lets each logged message through once and in order, whatever is repeated and whichever line takes over', () => {
    const step = fc.record({ line: fc.nat(2), from: fc.nat(30), count: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { channel, delivered, subscribed, message } = at(offset(0));
        const lines = [{}, {}, {}];
        for (const { line, from, count } of steps) {
          // A node replays from where it was asked to, which is at most where the client is.
          const start = Math.min(from, Number(channel.position.slice(14)));
          subscribed(offset(start), true, lines[line]);
          for (let n = start + 1; n <= start + count; n++) message(offset(n), lines[line]);
        }
        expect(delivered).toEqual(delivered.map((_, index) => offset(index + 1)));
      }),
    );
  });
});
