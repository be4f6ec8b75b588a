// Falling back from one transport to the next, and coming back.

import { afterEach, describe, expect, it } from 'vitest';
import { acceptStream } from './fakes/streams.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

const ready = { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as const;

describe('fallback', () => {
  it('goes to the next transport at once when one fails', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    (await world.network.request('/v1/stream')).answer(502, 'bad gateway');
    const first = { offset: offset(1), messages: [] };
    (await world.network.request('/v1/poll')).answer(200, { channels: { news: first } });
    await settle();
    expect(world.client.state).toEqual({ type: 'connected', transport: 'long-poll', node: 'n1' });
  });

  it('goes to the next transport at once when a WebSocket says `error` and never `close`, as where a page may not open one', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    socket.fail();
    expect(socket.closedByClient).toBe(true);
    await acceptStream(world);
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'sse' });
  });

  it('starts stream and long poll beside a WebSocket that has not said anything for 4 s, and the first that works wins', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await world.clock.advance(3_999);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await world.clock.advance(1);
    const stream = await world.network.request('/v1/stream');
    await world.clock.advance(250);
    const poll = await world.network.request('/v1/poll');
    await socket.accept();
    expect(world.client.state).toMatchObject({ transport: 'websocket' });
    expect([stream.aborted, poll.aborted]).toEqual([true, true]);
    await world.clock.advance(20_000);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('has what arrives first by 4.25 s where streams are held back too, and no two polls', async () => {
    world = new World();
    const news = world.subscribe('news', { after: offset(1) });
    const socket = await world.network.sockets.next();
    socket.open();
    await world.clock.advance(4_250);
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    const poll = await world.network.request('/v1/poll');
    await world.clock.advance(3_999);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    poll.answer(200, { channels: { news: { offset: offset(2), messages: [{ offset: offset(2), data: 2 }] } } });
    await settle();
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'long-poll' });
    expect([socket.closedByClient, stream.aborted]).toEqual([true, true]);
    expect(news.data).toEqual([2]);
  });

  it('waits for a stream no longer where the WebSocket has failed late', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await world.clock.advance(3_900);
    socket.close();
    await world.network.request('/v1/stream');
    await world.clock.advance(249);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    await world.clock.advance(1);
    await world.network.request('/v1/poll');
  });

  it('has what comes after a long poll wait 4 s more: it asks the same', async () => {
    world = new World();
    world.subscribe('news');
    await world.network.sockets.next();
    await world.clock.advance(4_250);
    await world.network.request('/v1/poll');
    await world.clock.advance(3_999);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    await world.clock.advance(1);
    await world.network.request('/v1/poll');
  });

  it('gives a transport up that does not answer for 10 s', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await world.clock.advance(10_000);
    expect(socket.closedByClient).toBe(true);
  });

  it('tries again through discovery when none works', async () => {
    world = new World({ transports: ['websocket', 'sse'] });
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    (await world.network.request('/v1/stream')).fail();
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'network' });
    await world.clock.advance(250);
    await world.network.sockets.next();
  });

  it('leaves it to the server when a server says no', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close(4001, 'overloaded: full');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'overloaded' });
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('takes a WebSocket for failed over which the server has heard nothing', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close(4003, 'auth_timeout: no connect in time');
    await acceptStream(world);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('uses only what discovery names', async () => {
    world = new World();
    world.network.discovery = (request) =>
      request.answer(200, {
        node: { id: 'n1', url: 'http://n1.test' },
        alternatives: [],
        ticket: 't',
        expiresInMs: 60_000,
        transports: ['sse'],
      });
    world.subscribe('news');
    await settle();
    await acceptStream(world);
    expect(world.client.state).toMatchObject({ transport: 'sse' });
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('skips the WebSocket where there is none', async () => {
    const global = globalThis.WebSocket;
    Reflect.deleteProperty(globalThis, 'WebSocket');
    world = new World({ WebSocket: undefined });
    if (global) globalThis.WebSocket = global;
    world.subscribe('news');
    await acceptStream(world);
    expect(world.client.state).toMatchObject({ transport: 'sse' });
  });

  it.each([0, 6_000])('counts a WebSocket that dies 3 times in a row after %i ms as failed', async (ageMs) => {
    world = new World();
    world.subscribe('news');
    for (let n = 0; n < 3; n++) {
      const socket = await world.network.sockets.next();
      await socket.accept();
      await world.clock.advance(ageMs);
      socket.close();
      await world.clock.advance(1_000);
    }
    await acceptStream(world);
    expect(world.client.state).toMatchObject({ transport: 'sse' });
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('counts a WebSocket that falls silent within its first heartbeat as failed the first time', async () => {
    world = new World();
    const news = world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept(7_000);
    const { id } = await socket.next('subscribe');
    socket.send({ ...ready, id });
    await world.clock.advance(10_750);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    await world.clock.advance(1_000);
    const stream = await world.network.request('/v1/stream');
    expect(stream.body).toMatchObject({ channels: { news: offset(1) } });
    expect(world.network.sockets.waiting).toEqual([]);
    expect(news.states.at(-1)).toMatchObject({ type: 'pending' });
  });

  it('does not take a WebSocket for failed that falls silent later, as after a change of network', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept(7_000);
    for (let beats = 0; beats < 2; beats++) {
      await world.clock.advance(6_000);
      socket.send({ type: 'heartbeat' });
    }
    await world.clock.advance(12_000);
    await world.network.sockets.next();
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('goes on to long polls where a stream falls silent within its first heartbeat', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    await acceptStream(world);
    await world.clock.advance(8_000);
    // Asked for a sign of life.
    await world.network.request('/v1/stream');
    await world.clock.advance(3_750);
    const poll = await world.network.request('/v1/poll');
    expect(poll.body).toMatchObject({ channels: { news: offset(1) }, waitMs: 0 });
  });

  it('does not count what a server closed, however often', async () => {
    world = new World();
    world.subscribe('news');
    for (let n = 0; n < 4; n++) {
      const socket = await world.network.sockets.next();
      await socket.accept();
      socket.close(4006, 'internal: oops');
      await world.clock.advance(4_000);
    }
    await world.network.sockets.next();
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('does not count what a server closed, nor a link that lasted', async () => {
    world = new World();
    world.subscribe('news');
    for (let n = 0; n < 6; n++) {
      const socket = await world.network.sockets.next();
      await socket.accept();
      if (n % 2) await world.clock.advance(16_000);
      socket.close(n % 2 ? 1006 : 4006, n % 2 ? '' : 'internal: oops');
      await world.clock.advance(600);
    }
    await world.network.sockets.next();
  });
});
