// A subscription that asks for a pace: what each transport tells the node, what two of one channel may ask for, and what is misuse.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import { message, subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

const paced = { news: { after: 'now', maxPerSecond: 10 } };

it('asks a WebSocket for it beside the position, and again where that has moved', async () => {
  world = new World();
  const { socket } = await subscribeToNews(world);
  const tick = world.subscribe('tick', { last: 3, maxPerSecond: 10 });
  const { id, ...command } = await socket.next('subscribe');
  expect(command).toMatchObject({ channels: { tick: { last: 3, maxPerSecond: 10 } } });
  socket.send({ type: 'subscribed', id, channel: 'tick', offset: offset(1), recovered: true } as never);
  socket.send({ ...message(7, 'tick'), skipped: 5 } as never);
  expect(tick.messages).toMatchObject([{ offset: offset(7), skipped: 5 }]);
  socket.close(4000, 'draining');
  await world.clock.advance(5_000);
  const next = await world.network.sockets.next();
  await next.accept();
  expect(await next.next('subscribe')).toMatchObject({
    channels: { tick: { after: offset(7), maxPerSecond: 10 } },
  });
});

it('asks a stream for it', async () => {
  world = new World({ transports: ['sse'] });
  world.subscribe('news', { maxPerSecond: 10 });
  const stream = await world.network.request('/v1/stream');
  expect(stream.body).toMatchObject({ channels: paced, features: expect.arrayContaining(['positions']) });
});

it('asks each poll for it', async () => {
  world = new World({ transports: ['long-poll'] });
  world.subscribe('news', { maxPerSecond: 10 });
  const first = await world.network.request('/v1/poll');
  expect(first.body).toMatchObject({ channels: paced, features: ['positions'] });
  first.answer(200, { channels: { news: { offset: offset(1), messages: [] } } });
  const second = await world.network.request('/v1/poll');
  expect(second.body).toMatchObject({
    channels: { news: { after: offset(1), maxPerSecond: 10 } },
    features: ['positions'],
  });
});

describe('subscriptions of one channel', () => {
  it('have the same pace, and another one once all of them have ended', () => {
    world = new World();
    const one = world.subscribe('tick', { maxPerSecond: 10 });
    const two = world.subscribe('tick', { maxPerSecond: 10 });
    expect(() => world.subscribe('tick')).toThrow(TypeError);
    expect(() => world.subscribe('tick', { maxPerSecond: 11 })).toThrow(/^bad maxPerSecond: 11 is not 10$/);
    one.subscription.unsubscribe();
    expect(() => world.subscribe('tick')).toThrow(TypeError);
    two.subscription.unsubscribe();
    expect(world.subscribe('tick').subscription.state.type).toBe('pending');
    expect(() => world.subscribe('tick', { maxPerSecond: 10 })).toThrow(TypeError);
  });

  it.each([0, -1, 1.5, 10_001, Number.NaN, '5', null])('is no pace: %s', (maxPerSecond) => {
    world = new World();
    expect(() => world.subscribe('tick', { maxPerSecond: maxPerSecond as number })).toThrow(/maxPerSecond/);
  });
});

it('is told everything by the server for tests of applications, from where it begins', async () => {
  world = new World();
  const server = createTestServer();
  server.publish('tick', 1);
  const client = createClient({ ...server.options });
  const tick = client.subscribe('tick', { after: '-1', maxPerSecond: 5 });
  expect(await tick[Symbol.asyncIterator]().next()).toMatchObject({ value: { data: 1 } });
  client.close();
});
