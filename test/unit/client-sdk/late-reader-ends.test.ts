// A reader that begins before its channel: where its history ends, how much may come meanwhile, and what becomes of it when it is left.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { held, readingFrom5 } from './fakes/early-reader.js';
import type { FakeSocket } from './fakes/fake-network.js';
import { message } from './fakes/socket-server.js';
import { type Listening, offset, type World } from './fakes/world.js';

let world: World;
let socket: FakeSocket;
let first: Listening;

beforeEach(async () => {
  ({ world, socket, first } = await readingFrom5());
});
afterEach(() => world.end());
const settle = () => world.clock.advance(0);
const poll = () => world.network.request('/v1/poll');
const none = () => expect(world.network.waiting('/v1/poll')).toEqual([]);

it('a gap is told as what it is, with nothing of a message in it', async () => {
  const late = world.subscribe('news', { after: offset(1) });
  const gap = { after: offset(1), offset: offset(4), reason: 'trimmed' };
  (await poll()).answer(200, held(6, [5, 6], { gap }));
  await settle();
  expect(late.gaps).toEqual([{ type: 'gap', channel: 'news', ...gap }]);
  expect(late.messages[0]).toEqual({
    ...{ type: 'message', channel: 'news', offset: offset(5), data: 5, isOwn: false },
    time: Number(offset(5).slice(0, 13)),
  });
});

it.each([
  [{ last: 1 }, '-1'],
  [{ after: '-1' }, '-1'],
  [{ after: offset(3) }, offset(3)],
])('it is subscribed from where it has asked to begin: %j', async (beginning, at) => {
  const late = world.subscribe('news', beginning);
  (await poll()).answer(200, held(6, [6]));
  await settle();
  expect(late.states).toEqual([{ type: 'subscribed', offset: at, recovered: true }]);
});

it.each([{ last: 2 }, { after: '-1' }])('it is where history says that nothing is kept: %j', async (beginning) => {
  const late = world.subscribe('news', beginning);
  (await poll()).answer(200, held(6, []));
  await settle();
  expect(late.states).toEqual([{ type: 'subscribed', offset: offset(6), recovered: true }]);
  expect(late.subscription.offset).toBe(offset(6));
});

it('it is where the channel was when history was asked, where that says nothing', async () => {
  const late = world.subscribe('news', { after: '-1' });
  const request = await poll();
  socket.send(message(7));
  request.answer(204);
  await settle();
  expect(late.states).toEqual([{ type: 'subscribed', offset: offset(6), recovered: true }]);
  expect([late.data, late.subscription.offset]).toEqual([[7], offset(7)]);
});

it('it goes on where history has nothing new for it', async () => {
  const late = world.subscribe('news', { after: '-1' });
  (await poll()).answer(204);
  await settle();
  socket.send(message(7));
  expect(late.data).toEqual([7]);
  none();
});

it.each([
  [1_000, 1],
  [1_001, 2],
])('of %i messages that come meanwhile it keeps what it may, and asks history %i times', async (count, times) => {
  const late = world.subscribe('news', { after: '-1' });
  const request = await poll();
  const numbers = Array.from({ length: count }, (_, n) => 7 + n);
  for (const n of numbers) socket.send(message(n));
  request.answer(204);
  await settle();
  if (times === 2) {
    const again = await poll();
    expect(again.body.channels).toEqual({ news: offset(6) });
    again.answer(200, held(6 + count, numbers));
    await settle();
  }
  none();
  expect(late.data).toEqual(numbers);
  expect(first.data).toEqual([6, ...numbers]);
});

it('what its application has left is not told anything, and asks no more', async () => {
  for (const end of [
    (request: Awaited<ReturnType<typeof poll>>) => request.answer(200, held(3, [2, 3], { more: true })),
    (request: Awaited<ReturnType<typeof poll>>) => request.refuse(403, 'forbidden_channel', { channels: ['news'] }),
    (request: Awaited<ReturnType<typeof poll>>) => request.refuse(503, 'broker_unavailable'),
  ]) {
    const late = world.subscribe('news', { after: offset(1) });
    const request = await poll();
    late.subscription.unsubscribe();
    const { pending } = world.clock;
    end(request);
    await settle();
    expect(late.states).toEqual([{ type: 'closed', code: 'unsubscribed' }]);
    expect(late.data).toEqual([]);
    expect(world.clock.pending).toBeLessThanOrEqual(pending);
    none();
  }
  expect(world.errors).toEqual([]);
  expect(first.subscription.state.type).toBe('subscribed');
});

it.each(['history', 'what came meanwhile'])(
  'a listener that ends it in the midst of %s is told nothing behind that',
  async (where) => {
    const late = world.subscribe('news', { after: '-1' });
    late.subscription.on('message', () => late.subscription.unsubscribe());
    const request = await poll();
    for (const n of [7, 8]) socket.send(message(n));
    request.answer(200, where === 'history' ? held(6, [2, 3, 4]) : held(6, []));
    await settle();
    expect(late.data).toEqual([where === 'history' ? 2 : 7]);
    expect(late.states.at(-1)).toEqual({ type: 'closed', code: 'unsubscribed' });
  },
);

it('that is left while it waits to ask again takes its timer with it', async () => {
  const { pending } = world.clock;
  const late = world.subscribe('news', { after: offset(1) });
  (await poll()).refuse(503, 'broker_unavailable');
  await settle();
  expect(world.clock.pending).toBe(pending + 1);
  late.subscription.unsubscribe();
  expect(world.clock.pending).toBe(pending);
});

it('a ticket that is refused there is no end of it: it asks again', async () => {
  const late = world.subscribe('news', { after: offset(1) });
  (await poll()).refuse(401, 'token_expired');
  await world.clock.advance(2_000);
  (await poll()).answer(200, held(6, [6]));
  await settle();
  expect(late.data).toEqual([6]);
  expect(late.states.map(({ type }) => type)).toEqual(['subscribed']);
});

it('it asks for nothing by itself while the link is lost', async () => {
  world.subscribe('news', { after: offset(1) });
  (await poll()).refuse(503, 'broker_unavailable', { retryAfterMs: 5_000 });
  await settle();
  socket.close();
  await settle();
  none();
});

it('it asks again no sooner than it is told', async () => {
  world.subscribe('news', { after: offset(1) });
  (await poll()).refuse(503, 'broker_unavailable', { retryAfterMs: 5_000 });
  await world.clock.advance(5_999);
  none();
  await world.clock.advance(1);
  await poll();
});
