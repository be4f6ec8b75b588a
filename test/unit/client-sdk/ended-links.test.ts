// Links that the server has ended for one user: what the application sees of it, what it is told, and when the client comes back.

import { afterEach, expect, it } from 'vitest';
import { resume, subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

it.each([
  [4003, 'heartbeat_timeout', 0],
  [4008, 'disconnected', 1_000],
])('after %d %s it waits, says why, and comes back where it was', async (code, reason, notBeforeMs) => {
  world = new World();
  const { news, socket } = await subscribeToNews(world);
  const before = world.states.length;
  socket.send({ type: 'message', channel: 'news', offset: offset(2), data: 2 });
  // A close frame has no room for it.
  if (notBeforeMs > 0)
    socket.send({ type: 'error', code: reason, message: 'by a backend', retryAfterMs: notBeforeMs } as never);
  socket.close(code, `${reason}: for a reason`);
  expect(world.client.state).toMatchObject({ type: 'waiting', cause: reason });
  expect(news.subscription.state).toEqual({ type: 'pending' });
  const { retryInMs } = world.client.state as { retryInMs: number };
  expect(retryInMs).toBeGreaterThanOrEqual(notBeforeMs);
  await world.clock.advance(retryInMs);
  const next = await world.network.sockets.next();
  await next.accept();
  expect(await resume(next, 2)).toMatchObject({ channels: { news: offset(2) } });
  expect(world.states.slice(before).map(({ type }) => type)).toEqual(['waiting', 'connecting', 'connected']);
  expect(world.errors).toMatchObject([{ code: reason }]);
  expect(news.data).toEqual([2]);
});

it.each(['sse', 'long-poll'] as const)('a revoked token ends it for good over %s', async (transport) => {
  world = new World({ transports: [transport] });
  const news = world.subscribe('news');
  const request = await world.network.request(transport === 'sse' ? '/v1/stream' : '/v1/poll');
  request.refuse(401, 'revoked');
  await world.clock.advance(0);
  expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
  expect(news.subscription.state).toEqual({ type: 'closed', code: 'revoked' });
  expect(news.states.at(-1)).toEqual({ type: 'closed', code: 'revoked' });
});
