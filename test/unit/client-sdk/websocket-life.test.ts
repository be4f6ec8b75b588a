// The SDK over a WebSocket: what time, the page and a node that leaves do to its link.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/websocket-only.js';
import { FakeClock } from './fakes/fake-clock.js';
import { FakeNetwork } from './fakes/fake-network.js';
import { message, resume, subscribeToNews } from './fakes/socket-server.js';
import { assignment, emitPageEvent, OTHER, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
});

async function settle() {
  await world.clock.advance(0);
}

/** A client subscribed to `news` at offset 1. */
function subscribed() {
  world = new World();
  return subscribeToNews(world);
}

describe('time', () => {
  it('gives a link up 3.75 s after the heartbeat that did not come', async () => {
    const { socket } = await subscribed();
    await world.clock.advance(20_000);
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(28_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    expect(socket.closedByClient).toBe(true);
  });

  it('renews the ticket before it ends, and hands it to the node', async () => {
    const { socket } = await subscribed();
    for (let n = 0; n < 160; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(3_600_000 * 0.005);
    }
    const request = await world.network.request('/v1/ticket');
    expect(request.token).toBe('token');
    request.answer(200, { ticket: 't2', expiresInMs: 3_600_000 });
    expect(await socket.next('refresh')).toMatchObject({ token: 't2' });
  });

  it('tries to renew again, without hurry, when that fails', async () => {
    const { socket } = await subscribed();
    const requests: number[] = [];
    for (let n = 0; n < 200; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(18_000);
      while (world.network.waiting('/v1/ticket').length > 0) {
        (await world.network.request('/v1/ticket')).fail();
        requests.push(n);
      }
    }
    expect(requests.length).toBeGreaterThanOrEqual(3);
    expect(requests.length).toBeLessThan(12);
  });

  it('waits at least as long as a server asks', async () => {
    world = new World();
    world.network.discovery = (request) => request.refuse(429, 'rate_limited', {}, { 'Retry-After': '7' });
    world.subscribe('news');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 7_250, cause: 'rate_limited' });
    emitPageEvent('online');
    expect(world.client.state.type).toBe('waiting');
  });

  it('takes an answer that is not discovery’s for a failure of the network', async () => {
    world = new World();
    const answers = [
      (request: { answer(status: number, body?: unknown): void }) => request.answer(200, '<html>log in</html>'),
      (request: { answer(status: number, body?: unknown): void }) => request.answer(404, 'nothing here'),
      (request: { answer(status: number, body?: unknown): void }) => request.answer(200, {}),
    ];
    world.network.discovery = (request) => answers.shift()?.(request) ?? request.answer(200, assignment());
    world.subscribe('news');
    await world.clock.advance(3_000);
    expect(world.states.filter(({ type }) => type === 'waiting')).toHaveLength(3);
    await world.network.sockets.next();
  });

  it('uses the alternatives while the ticket lasts when discovery cannot be reached', async () => {
    const { socket } = await subscribed();
    world.network.discovery = (request) => request.fail();
    socket.close();
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    expect(next.url).toBe('ws://n2.test/v1/ws');
    expect(await next.accept()).toMatchObject({ token: 't1' });
    // And the first one again once the other is lost: none is dropped for ever.
    next.close();
    await world.clock.advance(500);
    expect((await world.network.sockets.next()).url).toBe('ws://n1.test/v1/ws');
  });

  it('waits as long as a node has asked for before it refused the link', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    socket.open();
    const { id } = await socket.next('connect');
    socket.send({ type: 'error', id, code: 'overloaded', message: 'full', retryAfterMs: 9_000 } as never);
    socket.close(4001, 'overloaded: full');
    expect(world.client.state.type === 'waiting' && world.client.state.retryInMs).toBeGreaterThanOrEqual(9_000);
  });

  it('does not wait for ever for discovery or for the node', async () => {
    world = new World();
    world.network.discovery = undefined;
    world.subscribe('news');
    const first = await world.network.request('/v1/connect');
    await world.clock.advance(10_000);
    expect(first.aborted).toBe(true);
    expect(world.client.state.type).not.toBe('connected');
    world.network.discovery = (request) => request.answer(200, assignment());
    await world.clock.advance(1_000);
    await world.network.sockets.next();
    await world.clock.advance(30_000);
    expect(world.errors.length).toBeGreaterThan(1);
  });

  it('gives an attempt up after 20 s where there is no other transport', async () => {
    const clock = new FakeClock();
    const network = new FakeNetwork();
    const { WebSocket, fetch } = network;
    const client = createClient({ url: 'http://discovery.test', clock, WebSocket, fetch });
    client.subscribe('news');
    (await network.request('/v1/connect')).answer(200, assignment());
    await network.sockets.next();
    await clock.advance(19_999);
    expect(client.state.type).toBe('connecting');
    await clock.advance(1);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
    client.close();
    expect(clock.pending).toBe(0);
  });

  it('does not wait for ever for a token', async () => {
    world = new World({ token: () => new Promise<string>(() => {}) });
    world.subscribe('news');
    await world.clock.advance(10_000);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
  });

  it('does not wait for ever for a `fetch` that does not listen to its signal', async () => {
    world = new World({ fetch: () => new Promise(() => {}) });
    world.subscribe('news');
    await world.clock.advance(10_000);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
  });
});

describe('the page', () => {
  it('leaves the link when it goes offline, and connects at once when it is back', async () => {
    const { socket } = await subscribed();
    emitPageEvent('offline');
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'offline' });
    expect(socket.closedByClient).toBe(true);
    emitPageEvent('online');
    expect(world.client.state.type).toBe('connecting');
    await (await world.network.sockets.next()).accept();
    expect(world.client.state.type).toBe('connected');
  });

  it('finds a link that died while the page slept when it wakes', async () => {
    await subscribed();
    world.clock.sleep(120_000);
    emitPageEvent('visibilitychange');
    await world.clock.advance(2_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
  });

  it('is not listened to any more after `close`', async () => {
    const { socket } = await subscribed();
    world.client.close();
    emitPageEvent('online');
    socket.send(message(2));
    await settle();
    expect(world.stateTypes.at(-1)).toBe('closed');
    expect(world.network.sockets.waiting).toEqual([]);
  });
});

describe('move', () => {
  it('connects elsewhere before it leaves, and takes each channel over at `subscribed`', async () => {
    const { news, socket } = await subscribed();
    const asked: unknown[] = [];
    world.network.discovery = (request) => {
      asked.push(request.body.exclude);
      request.answer(200, assignment({ node: OTHER }));
    };
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const next = await world.network.sockets.next();
    await next.accept();
    expect(asked).toEqual([['n1']]);
    expect(world.client.state).toEqual({ type: 'connected', transport: 'websocket', node: 'n2' });
    socket.send(message(2));
    socket.send(message(3));
    const command = await next.next('subscribe');
    next.send({ type: 'subscribed', id: command.id, channel: 'news', offset: offset(1), recovered: true } as never);
    for (const n of [2, 3, 4]) next.send(message(n));
    for (const n of [4, 5]) socket.send(message(n));
    expect(socket.closedByClient).toBe(false);
    await world.clock.advance(1_000);
    expect(socket.closedByClient).toBe(true);
    expect(news.data).toEqual([2, 3, 4]);
    expect(news.states.map(({ type }) => type)).toEqual(['subscribed']);
  });

  it('has nobody ask for another when the old link ends before it is left', async () => {
    const { socket } = await subscribed();
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const next = await world.network.sockets.next();
    await next.accept();
    socket.close(4000, 'draining: bye');
    await world.clock.advance(20_000);
    expect(world.errors).toEqual([]);
    expect(world.network.sockets.waiting).toEqual([]);
    expect(next.isOpen).toBe(true);
  });

  it('is followed at once, and then no sooner than every 2 s: not round and round in a cluster that is drained', async () => {
    const { socket } = await subscribed();
    const ask = { type: 'move', withinMs: 5_000, reason: 'draining' };
    socket.send(ask);
    const second = await world.network.sockets.next();
    await second.accept();
    second.send(ask);
    await world.clock.advance(1_999);
    expect(world.network.sockets.waiting).toEqual([]);
    await world.clock.advance(1);
    const third = await world.network.sockets.next();
    await third.accept();
    third.send(ask);
    await settle();
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('keeps the old link while another cannot be had, and tries again', async () => {
    const { news, socket } = await subscribed();
    world.network.discovery = (request) => request.refuse(503, 'no_capacity');
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    await settle();
    expect(world.client.state.type).toBe('connected');
    socket.send(message(2));
    expect(news.data).toEqual([2]);
    world.network.discovery = (request) => request.answer(200, assignment({ node: OTHER }));
    await world.clock.advance(20_000);
    expect((await world.network.sockets.next()).url).toBe('ws://n2.test/v1/ws');
  });

  it('is tried again no sooner than a server has said, however often the node asks', async () => {
    const { socket } = await subscribed();
    const ask = { type: 'move', withinMs: 5_000, reason: 'draining' };
    let asked = 0;
    world.network.discovery = (request) => {
      asked++;
      request.refuse(429, 'rate_limited', { retryAfterMs: 30_000 });
    };
    socket.send(ask);
    for (let second = 0; second < 29; second++) {
      await world.clock.advance(1_000);
      socket.send(ask);
    }
    expect(asked).toBe(1);
    await world.clock.advance(40_000);
    expect(asked).toBeGreaterThan(1);
  });

  it('goes on with the attempt when the old link dies meanwhile', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const next = await world.network.sockets.next();
    socket.close(4000, 'draining: bye');
    expect(world.client.state).toEqual({ type: 'connecting' });
    await next.accept();
    await resume(next, 1);
    next.send(message(2));
    expect(news.data).toEqual([2]);
    expect(world.network.sockets.waiting).toEqual([]);
  });
});
