// The page around a client, at its edges: how long it waits when it is offline or put away, and who may shorten that.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { subscribeToNews } from './fakes/socket-server.js';
import { emitPageEvent, leavePage, showPage, World } from './fakes/world.js';

let world: World;
let asked: number;
beforeEach(() => {
  world = new World();
  asked = 0;
  const { discovery } = world.network;
  world.network.discovery = (request) => {
    asked++;
    discovery?.(request);
  };
});
afterEach(async () => {
  await world.end();
  leavePage();
});

it.each([
  ['offline', 250],
  ['pagehide', 20_000],
])('at `%s` it waits %i ms, and tries then all the same', async (type, retryInMs) => {
  await subscribeToNews(world);
  emitPageEvent(type);
  expect(world.client.state).toEqual({ type: 'waiting', retryInMs, cause: 'offline' });
  await world.clock.advance(retryInMs - 1);
  expect(asked).toBe(1);
  await world.clock.advance(1);
  expect(asked).toBe(2);
  expect(world.errors).toEqual([]);
});

it('while it waits already, being offline makes that no longer, and being put away does', async () => {
  world.network.discovery = (request) => request.fail();
  world.subscribe('news');
  await world.clock.advance(0);
  expect(world.client.state).toMatchObject({ retryInMs: 250, cause: 'network' });
  emitPageEvent('offline');
  expect(world.client.state).toMatchObject({ retryInMs: 250, cause: 'network' });
  emitPageEvent('pagehide');
  expect(world.client.state).toEqual({ type: 'waiting', retryInMs: 20_000, cause: 'offline' });
});

it('a server’s delay is shortened by nothing, until the page has been away and is back', async () => {
  world.network.discovery = (request) => {
    asked++;
    request.refuse(503, 'no_capacity', { retryAfterMs: 60_000 });
  };
  world.subscribe('news');
  await world.clock.advance(5_000);
  for (const type of ['online', 'pageshow', 'visibilitychange', 'offline']) emitPageEvent(type);
  await world.clock.advance(1_000);
  expect(asked).toBe(1);
  emitPageEvent('pagehide');
  emitPageEvent('pageshow');
  await world.clock.advance(0);
  expect(asked).toBe(2);
});

it('a server that refuses without saying for how long delays nobody who comes online', async () => {
  world.network.discovery = (request) => {
    asked++;
    request.refuse(503, 'no_capacity');
  };
  world.subscribe('news');
  await world.clock.advance(10_000);
  const before = asked;
  await world.clock.advance(600);
  expect(asked).toBe(before);
  emitPageEvent('online');
  await world.clock.advance(0);
  expect(asked).toBe(before + 1);
});

it('a server’s delay is over once a link is there: the next word of a node is followed at once', async () => {
  const { discovery } = world.network;
  world.network.discovery = (request) => request.refuse(503, 'no_capacity', { retryAfterMs: 1_000 });
  world.subscribe('news');
  await world.clock.advance(0);
  world.network.discovery = discovery;
  await world.clock.advance(1_250);
  const socket = await world.network.sockets.next();
  await socket.accept();
  socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
  await world.network.sockets.next();
});

it('one that comes online tries no sooner than half a second after the last try that failed', async () => {
  world.network.discovery = (request) => {
    asked++;
    request.fail();
  };
  world.subscribe('news');
  for (let tries = 1; tries < 5; tries++) {
    await world.clock.advance(tries === 1 ? 0 : 500);
    const before = asked;
    emitPageEvent('online');
    await world.clock.advance(0);
    expect(asked).toBe(tries === 1 ? 1 : before);
  }
});

it('its events are nobody’s any more once the client is closed, and somebody’s again after `connect`', async () => {
  const { socket } = await subscribeToNews(world);
  world.client.close();
  for (const type of ['offline', 'pagehide', 'pageshow', 'online']) emitPageEvent(type);
  await world.clock.advance(60_000);
  expect([asked, world.client.state.type, socket.closedByClient]).toEqual([1, 'closed', true]);
  world.client.connect();
  world.subscribe('news');
  const next = await world.network.sockets.next();
  await next.accept();
  emitPageEvent('offline');
  expect([world.client.state.type, next.closedByClient]).toEqual(['waiting', true]);
});

it.each([
  [999, 0],
  [1_000, 1],
])('one that comes online %i ms after a sign of life asks %i times for another', async (ms, times) => {
  const { socket } = await subscribeToNews(world);
  socket.send({ type: 'heartbeat' });
  await world.clock.advance(ms);
  emitPageEvent('online');
  expect(socket.commands.waiting.map(({ type }) => type)).toEqual(Array(times).fill('ping'));
});

it('one that is hidden is not asked for life by being hidden, and is asked when it is seen', async () => {
  const { socket } = await subscribeToNews(world);
  await world.clock.advance(5_000);
  showPage(true);
  expect(socket.commands.waiting).toEqual([]);
  showPage(false);
  await socket.next('ping');
});
