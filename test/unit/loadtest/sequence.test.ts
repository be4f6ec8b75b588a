// What a client received is judged by numbers, so that a lost and a repeated delivery never cancel.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sequence } from '../../../loadtest/clients/sequence.js';
import { endOf, Numbers, numberOf } from '../../../loadtest/numbers.js';

/** What a client that was to get 1 to `last` is said to have come to. */
function judged(received: readonly number[], last: number) {
  const sequence = new Sequence();
  const place = sequence.addClient();
  for (const number of received) sequence.received(place, number);
  return { lost: sequence.lost(() => last + 1), repeated: sequence.repeated, disordered: sequence.disordered };
}

describe('a sequence', () => {
  it('is sound when every number came once, in order', () => {
    expect(judged([1, 2, 3], 3)).toEqual({ lost: 0, repeated: 0, disordered: 0 });
  });

  it('tells a lost and a repeated delivery of one client, though their totals match', () => {
    expect(judged([1, 2, 2, 4], 4)).toEqual({ lost: 1, repeated: 1, disordered: 0 });
  });

  it('tells a lost one of one client and a repeated one of another', () => {
    const sequence = new Sequence();
    const [one, other] = [sequence.addClient(), sequence.addClient()];
    sequence.received(one, 1);
    for (const number of [1, 2, 2]) sequence.received(other, number);
    expect(sequence.lost(() => 3)).toBe(1);
    expect(sequence.repeated).toBe(1);
  });

  it('tells what is missing at the end', () => {
    expect(judged([1, 2], 5)).toEqual({ lost: 3, repeated: 0, disordered: 0 });
  });

  it('counts a delivery that comes after a later one as out of order, and not as lost', () => {
    expect(judged([1, 3, 2], 3)).toEqual({ lost: 0, repeated: 0, disordered: 1 });
  });

  it('takes a delivery of an earlier window for a repeated one', () => {
    const sequence = new Sequence();
    const place = sequence.addClient();
    sequence.reset(10);
    for (const number of [9, 10]) sequence.received(place, number);
    expect({ lost: sequence.lost(() => 11), repeated: sequence.repeated }).toEqual({ lost: 0, repeated: 1 });
  });

  it('counts as lost what it can no longer remember', () => {
    expect(judged([1, 250_000], 250_000).lost).toBe(249_998);
  });

  it('finds exactly what was dropped and what was doubled, whatever it was', () => {
    const fates = fc.array(fc.constantFrom('once', 'dropped', 'doubled'), { maxLength: 60 });
    fc.assert(
      fc.property(fates, (all) => {
        const received = all.flatMap((fate, at) =>
          fate === 'dropped' ? [] : fate === 'once' ? [at + 1] : [at + 1, at + 1],
        );
        const of = (fate: string) => all.filter((one) => one === fate).length;
        const expected = { lost: of('dropped'), repeated: of('doubled'), disordered: 0 };
        expect(judged(received, all.length)).toEqual(expected);
      }),
    );
  });
});

describe('the numbers of a window', () => {
  it('go on where the last window ended, on each channel', () => {
    const numbers = new Numbers(3);
    const first = numbers.take(7);
    const second = numbers.take(3);
    expect([first.first, second.first]).toEqual([1, 4]);
    expect([0, 1, 2, 3, 6].map((at) => numberOf(first, at))).toEqual([1, 1, 1, 2, 3]);
    expect(numberOf(second, 0)).toBe(4);
  });

  it('end on each channel where its last message has its number', () => {
    const window = { messages: 7, channels: 3, first: 5 };
    expect([0, 1, 2].map((channel) => endOf(window, channel))).toEqual([8, 7, 7]);
  });
});
