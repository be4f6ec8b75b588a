// Slices of the event loop: what is done at once, in which turn the rest is done, and in which order.

import { expect, it } from 'vitest';
import { Slices } from '../../../src/lib/slices.js';
import { onFault } from '../../../src/lib/timers.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Slices of 8 ms by a clock that goes on only with `work`. */
function world() {
  let nowMs = 0;
  const done: string[] = [];
  const slices = new Slices(8, () => nowMs);
  const work = (name: string, ms: number) => () => {
    nowMs += ms;
    done.push(name);
  };
  return { slices, done, work };
}

it('has time until a slice of the turn is used up, and again in the next turn', async () => {
  const { slices, work } = world();
  expect(slices.hasTime()).toBe(true);
  work('a', 7)();
  expect(slices.hasTime()).toBe(true);
  work('b', 1)();
  expect(slices.hasTime()).toBe(false);
  await turn();
  expect(slices.hasTime()).toBe(true);
});

it('does what waits in its order, a slice in each turn, and has no time for others before', async () => {
  const { slices, done, work } = world();
  for (const name of ['a', 'b', 'c', 'd', 'e']) slices.add(work(name, 4));
  expect([done.length, slices.hasTime()]).toEqual([0, false]);
  await turn();
  expect([[...done], slices.hasTime()]).toEqual([['a', 'b'], false]);
  await turn();
  expect(done).toEqual(['a', 'b', 'c', 'd']);
  await turn();
  expect([done.length, slices.hasTime()]).toEqual([5, true]);
});

it('counts what somebody who waited goes on with', async () => {
  const { slices, done, work } = world();
  const followers = ['a', 'b', 'c'].map(async (name) => {
    await slices.turn();
    work(name, 8)();
  });
  await turn();
  expect(done).toEqual(['a']);
  await Promise.all(followers);
  expect(done).toEqual(['a', 'b', 'c']);
});

it('has time for nobody else while a slice is done', async () => {
  const { slices, done, work } = world();
  slices.add(() => done.push(`time: ${slices.hasTime()}`));
  slices.add(work('a', 1));
  await turn();
  expect(done).toEqual(['time: false', 'a']);
});

it('does in its turn what is added within a slice, and what stands behind work that throws', async () => {
  const { slices, done, work } = world();
  const faults: unknown[] = [];
  onFault((fault) => faults.push(fault));
  slices.add(() => {
    slices.add(work('later', 0));
    throw new TypeError('a fault of this one');
  });
  slices.add(work('next', 0));
  await turn();
  expect([done, faults.length]).toEqual([['next', 'later'], 1]);
});

it('does what waits when it is closed, and leaves nothing running', async () => {
  const { slices, done, work } = world();
  slices.add(work('a', 100));
  const waits = slices.turn();
  slices.close();
  slices.close();
  await waits;
  await turn();
  expect(done).toEqual(['a']);
});

it('keeps its order over thousands that come while others are done', async () => {
  const { slices } = world();
  const seen: number[] = [];
  for (let n = 0; n < 3_000; n++) slices.add(() => seen.push(n));
  await turn();
  for (let n = 3_000; n < 4_000; n++) slices.add(() => seen.push(n));
  await turn();
  expect(seen).toEqual(Array.from({ length: 4_000 }, (_, n) => n));
});
