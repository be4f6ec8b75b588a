// The page around the client: put away and brought back, offline and online, hidden and seen; and hosts without one.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { assignment, emitPageEvent, leavePage, pageListeners, showPage, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
  leavePage();
});
const settle = () => world.clock.advance(0);

/** Counts and holds what is asked of discovery. */
function countConnects() {
  const bodies: unknown[] = [];
  const { discovery } = world.network;
  world.network.discovery = (request) => {
    bodies.push(request.body.exclude);
    discovery?.(request);
  };
  return bodies;
}

describe('a page that is put away', () => {
  it('asks discovery for nothing on its way out', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const connects = countConnects();
    emitPageEvent('pagehide');
    showPage(true);
    await world.clock.advance(10_000);
    expect(connects).toEqual([]);
    expect(socket.closedByClient).toBe(true);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'offline' });
  });

  it('drops an attempt on its way', async () => {
    world = new World();
    world.network.discovery = undefined;
    world.subscribe('news');
    const request = await world.network.request('/v1/connect');
    emitPageEvent('pagehide');
    expect(request.aborted).toBe(true);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'offline' });
    request.answer(200, assignment());
    await settle();
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('connects at once when it is back, without holding it against its node', async () => {
    world = new World();
    await subscribeToNews(world);
    const connects = countConnects();
    emitPageEvent('pagehide');
    emitPageEvent('pageshow', { persisted: true });
    await (await world.network.sockets.next()).accept();
    expect(world.client.state).toMatchObject({ type: 'connected', node: 'n1' });
    expect(connects).toEqual([[]]);
  });

  it('begins afresh when it comes back with an attempt on its way, which is dead', async () => {
    world = new World();
    world.network.discovery = undefined;
    world.subscribe('news');
    const dead = await world.network.request('/v1/connect');
    emitPageEvent('pageshow', { persisted: true });
    const fresh = await world.network.request('/v1/connect');
    expect(dead.aborted).toBe(true);
    fresh.answer(200, assignment());
    await (await world.network.sockets.next()).accept();
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('begins afresh when the socket of its attempt is dead', async () => {
    world = new World();
    world.subscribe('news');
    const dead = await world.network.sockets.next();
    emitPageEvent('pageshow', { persisted: true });
    expect(dead.closedByClient).toBe(true);
    await (await world.network.sockets.next()).accept();
    expect(world.client.state.type).toBe('connected');
  });

  it('is not taken for one that came back when it was only loaded', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    emitPageEvent('pageshow', { persisted: false });
    expect(socket.closedByClient).toBe(false);
  });
});

describe('a page', () => {
  it('that is hidden skips no delay, one that is seen does', async () => {
    world = new World();
    world.network.discovery = (request) => request.fail();
    const connects = countConnects();
    world.subscribe('news');
    await world.clock.advance(5_000);
    const before = connects.length;
    showPage(true);
    await settle();
    expect(connects).toHaveLength(before);
    showPage(false);
    await settle();
    expect(connects).toHaveLength(before + 1);
  });

  it('that is seen again and again does not ask more often than twice a second', async () => {
    world = new World();
    world.network.discovery = (request) => request.fail();
    const connects = countConnects();
    world.subscribe('news');
    await world.clock.advance(30_000);
    const before = connects.length;
    for (let n = 0; n < 200; n++) {
      emitPageEvent('online');
      await world.clock.advance(12);
    }
    expect(connects.length - before).toBeGreaterThanOrEqual(3);
    expect(connects.length - before).toBeLessThanOrEqual(6);
  });

  it('that went offline holds it against no node, one that was lost does', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const connects = countConnects();
    emitPageEvent('offline');
    emitPageEvent('online');
    const next = await world.network.sockets.next();
    await next.accept();
    expect(socket.closedByClient).toBe(true);
    next.close(1006);
    await world.clock.advance(1_000);
    expect(connects).toEqual([[], ['n1']]);
  });

  it.each([
    [4002, 'slow_consumer: too slow'],
    [4004, 'rate_limited: too fast'],
    [4005, 'token_expired: the ticket has expired'],
  ])('whose link ends with %i holds it against no node', async (code, reason) => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const connects = countConnects();
    socket.close(code, reason);
    await world.clock.advance(1_000);
    expect(connects).toEqual([[]]);
  });

  it('is listened to while the client is open, and not before it connects', async () => {
    const before = pageListeners();
    world = new World();
    expect(pageListeners()).toBe(before);
    await subscribeToNews(world);
    expect(pageListeners()).toBe(before + 5);
    world.client.close();
    expect(pageListeners()).toBe(before);
  });
});

describe('a host without a page', () => {
  it('that forbids random numbers and controllers before anything is asked for lets a client be made', () => {
    const { AbortController, crypto } = globalThis;
    const forbidden = () => {
      throw new Error('Disallowed operation called within global scope');
    };
    for (const [name, value] of Object.entries({
      AbortController: forbidden,
      crypto: { getRandomValues: forbidden },
    })) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    try {
      createClient({ url: 'http://discovery.test', clock: { ...world.clock, setTimeout: forbidden } }).close();
    } finally {
      Object.defineProperty(globalThis, 'AbortController', {
        value: AbortController,
        configurable: true,
        writable: true,
      });
      Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true, writable: true });
    }
  });

  it('without listeners connects all the same', async () => {
    const { addEventListener, removeEventListener } = globalThis;
    Reflect.deleteProperty(globalThis, 'addEventListener');
    Reflect.deleteProperty(globalThis, 'removeEventListener');
    try {
      world = new World();
      await subscribeToNews(world);
      world.client.close();
    } finally {
      Object.assign(globalThis, { addEventListener, removeEventListener });
    }
  });
});
