// Channels that a node refuses for now: each is asked for again when its own time has come, and no other waits for it.

import { afterEach, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => world.end());

it('over a WebSocket is asked for again after its own Retry-After, whatever others are told', async () => {
  world = new World();
  const { socket } = await subscribeToNews(world);
  for (const [channel, retryAfterMs] of Object.entries({ soon: 2_000, late: 8_000 })) {
    world.subscribe(channel);
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel, code: 'overloaded', message: 'full', retryAfterMs });
  }
  await world.clock.advance(2_999);
  expect(socket.commands.waiting).toEqual([]);
  await world.clock.advance(1);
  const soon = await socket.next('subscribe');
  expect(soon.channels).toEqual({ soon: 'now' });
  socket.send({ type: 'subscribed', id: soon.id, channel: 'soon', offset: offset(1), recovered: true } as never);
  socket.send({ type: 'heartbeat' });
  await world.clock.advance(5_999);
  expect(socket.commands.waiting).toEqual([]);
  await world.clock.advance(1);
  expect((await socket.next('subscribe')).channels).toEqual({ late: 'now' });
});

it('is asked for at once on the next link', async () => {
  world = new World();
  const { socket } = await subscribeToNews(world);
  world.subscribe('full');
  const { id } = await socket.next('subscribe');
  const refusal = { channel: 'full', code: 'overloaded', message: 'full', retryAfterMs: 60_000 };
  socket.send({ type: 'error', id, ...refusal });
  socket.close();
  await world.clock.advance(20_000);
  const next = await world.network.sockets.next();
  await next.accept();
  expect((await next.next('subscribe')).channels).toEqual({ news: offset(1), full: 'now' });
});

const subscribed = (channel: string) => ({ type: 'subscribed', channel, offset: offset(1), recovered: true }) as const;
const namesOf = ({ body }: FakeRequest) => Object.keys(body.channels as object);

it('over a stream leaves the others to be heard meanwhile', async () => {
  world = new World({ transports: ['sse'] });
  const news = world.subscribe('news');
  const full = world.subscribe('full');
  const first = await world.network.request('/v1/stream');
  first.stream();
  first.event({ type: 'error', channel: 'full', code: 'overloaded', message: 'full', retryAfterMs: 3_000 });
  const second = await world.network.request('/v1/stream');
  expect([namesOf(first), namesOf(second)]).toEqual([['news', 'full'], ['news']]);
  second.stream();
  second.event(subscribed('news'));
  second.event({ type: 'message', channel: 'news', offset: offset(2), data: 2 });
  await world.clock.advance(3_999);
  expect([news.data, full.subscription.state.type]).toEqual([[2], 'pending']);
  expect(world.network.waiting('/v1/stream')).toEqual([]);
  await world.clock.advance(1);
  const third = await world.network.request('/v1/stream');
  expect(namesOf(third)).toEqual(['news', 'full']);
  expect(world.stateTypes).toEqual(['connecting', 'connected']);
});

it('over a long poll leaves the others to be heard meanwhile', async () => {
  world = new World({ transports: ['long-poll'] });
  const news = world.subscribe('news');
  world.subscribe('full');
  const first = await world.network.request('/v1/poll');
  first.refuse(503, 'overloaded', { channels: ['full'], retryAfterMs: 3_000 });
  const second = await world.network.request('/v1/poll');
  expect(namesOf(second)).toEqual(['news']);
  second.answer(200, { channels: { news: { offset: offset(1), messages: [] } } });
  const third = await world.network.request('/v1/poll');
  third.answer(200, { channels: { news: { offset: offset(2), messages: [{ offset: offset(2), data: 2 }] } } });
  await world.clock.advance(4_000);
  const polls = [await world.network.request('/v1/poll'), await world.network.request('/v1/poll')];
  expect(polls.map(namesOf)).toEqual([['news'], ['news', 'full']]);
  expect([news.data, world.stateTypes]).toEqual([[2], ['connecting', 'connected']]);
});
