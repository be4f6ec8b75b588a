// Publishes that are refused for now: of one channel, while others go on, or of all.

import { afterEach, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => world.end());

/** Publishes; what becomes of it comes to be in the list. */
function publish(told: unknown[], channel: string, data: number) {
  world.client.publish(channel, data).then(
    () => told.push(data),
    ({ code }) => told.push(code),
  );
}

it('over a WebSocket a channel over its limit holds up no other, and keeps its order', async () => {
  world = new World();
  const { socket } = await subscribeToNews(world);
  const told: unknown[] = [];
  publish(told, 'hot', 1);
  publish(told, 'hot', 2);
  const { id } = await socket.next('publish');
  socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 5_000 });
  for (const [n, channel] of ['cool', 'cold', 'cool'].entries()) publish(told, channel, 10 + n);
  for (const n of [10, 11, 12]) {
    const { id, channel, data } = await socket.next('publish');
    expect(data).toBe(n);
    socket.send({ type: 'published', id, channel, offset: offset(n) } as never);
  }
  await world.clock.advance(5_999);
  expect([told, socket.commands.waiting]).toEqual([[10, 11, 12], []]);
  await world.clock.advance(1);
  for (const n of [1, 2]) {
    const { id, data } = await socket.next('publish');
    expect(data).toBe(n);
    socket.send({ type: 'published', id, channel: 'hot', offset: offset(n) } as never);
  }
  await world.clock.advance(0);
  expect(told).toEqual([10, 11, 12, 1, 2]);
});

it('over HTTP channels that are refused again and again starve no other', async () => {
  world = new World({ transports: ['long-poll'] });
  const told: unknown[] = [];
  for (const [n, channel] of ['hot', 'warm', 'cool', 'cold'].entries()) publish(told, channel, n);
  for (let seconds = 0; seconds < 31; seconds++) {
    await world.clock.advance(1_000);
    while (world.network.waiting('/v1/publish')[0]) {
      const request = (await world.network.request('/v1/publish')) as FakeRequest;
      if (request.body.channel === 'hot' || request.body.channel === 'warm') request.refuse(503, 'broker_unavailable');
      else request.answer(200, { channel: request.body.channel, offset: offset(1) });
      await world.clock.advance(0);
    }
    if (seconds === 3) expect(told).toEqual([2, 3]);
  }
  expect(told).toEqual([2, 3, 'timeout', 'timeout']);
});

it('where all are refused, not each channel is asked for at once', async () => {
  world = new World({ transports: ['long-poll'] });
  const told: unknown[] = [];
  for (let n = 0; n < 100; n++) publish(told, `c:${n}`, n);
  let asked = 0;
  for (let seconds = 0; seconds < 5; seconds++) {
    await world.clock.advance(1_000);
    while (world.network.waiting('/v1/publish')[0]) {
      asked++;
      (await world.network.request('/v1/publish')).refuse(429, 'rate_limited', { retryAfterMs: 2_000 });
      await world.clock.advance(0);
    }
  }
  expect(asked).toBe(10);
});
