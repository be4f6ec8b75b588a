// Channels that a node refuses for now: each is asked for again when its own time has come, and no other waits for it.

import { afterEach, expect, it } from 'vitest';
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
