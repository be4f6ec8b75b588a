// Long polls that are answered at once, again and again: without progress they slow down.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { news, polling } from './fakes/polling.js';
import { assignment, NODE, OTHER, offset, World } from './fakes/world.js';

let world: World;
beforeEach(() => {
  world = new World({ transports: ['long-poll'] });
});
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);
const poll = () => world.network.request('/v1/poll');

/** Has all that is asked for in a second answered at once; returns how often that was. */
async function answerAll(answer: (request: FakeRequest) => unknown): Promise<number> {
  let answered = 0;
  for (let round = 0; round < 100; round++) {
    await world.clock.advance(10);
    while (world.network.waiting('/v1/poll').length > 0) {
      answer(await poll());
      answered++;
      await settle();
      if (answered > 50) throw new Error('a loop without delay');
    }
  }
  return answered;
}

describe('a long poll', () => {
  it('notices a loop of empty answers and slows down', async () => {
    await polling(world);
    expect(await answerAll((request) => request.answer(204))).toBeLessThanOrEqual(6);
  });

  it('notices a loop of answers that tell the same again', async () => {
    const listening = await polling(world);
    expect(await answerAll((request) => request.answer(200, news(2, [2])))).toBeLessThanOrEqual(7);
    expect(listening.data).toEqual([2]);
  });

  it('does not ask round and round for what only the link that has replaced it may bring', async () => {
    const listening = await polling(world);
    world.network.discovery = (request) => request.answer(200, assignment({ node: OTHER }));
    (await poll()).answer(204, undefined, { 'Fanfare-Move': '1' });
    const [left, next] = [await poll(), await poll()].toSorted((a, b) => a.url.localeCompare(b.url));
    next?.answer(200, news(1));
    await settle();
    left?.answer(200, news(2, [2]));
    const asked = await answerAll((request) => request.url.startsWith(NODE.url) && request.answer(200, news(2, [2])));
    expect(asked).toBeLessThanOrEqual(6);
    expect(listening.data).toEqual([]);
  });

  it('takes live-only messages that come quickly for no loop: one that comes while nobody waits is lost', async () => {
    const listening = await polling(world);
    for (let n = 0; n < 8; n++) {
      (await poll()).answer(200, { channels: { news: { offset: offset(1), messages: [{ data: n }] } } });
      await settle();
    }
    expect(listening.data).toHaveLength(8);
  });
});

it('short polls keep their interval, however long, while a channel is not answered for yet', async () => {
  world = new World({ transports: ['short-poll'], pollIntervalMs: 60_000 });
  await polling(world);
  world.subscribe('slow');
  (await poll()).answer(200, news(1));
  await world.clock.advance(59_999);
  expect(world.network.waiting('/v1/poll')).toEqual([]);
  await world.clock.advance(1);
  expect(world.network.waiting('/v1/poll').at(-1)?.body).toMatchObject({ channels: { slow: 'now' } });
});

it('a poll goes on from the position that an answer names, though its messages end before that', async () => {
  await polling(world);
  (await poll()).answer(200, news(5, [2, 3]));
  expect((await poll()).body).toMatchObject({ channels: { news: offset(5) } });
});
