// Falling back from one transport to the next, and coming back.

import { afterEach, describe, expect, it } from 'vitest';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

const ready = { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as const;

/** The next stream, answered. */
async function acceptStream() {
  const stream = await world.network.request('/v1/stream');
  stream.stream();
  stream.event(ready);
  await settle();
  return stream;
}

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
    await acceptStream();
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'sse' });
  });

  it('starts the next one beside after 4 s, and the first that works wins', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await world.clock.advance(3_999);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await world.clock.advance(1);
    const stream = await world.network.request('/v1/stream');
    await socket.accept();
    expect(world.client.state).toMatchObject({ transport: 'websocket' });
    expect(stream.aborted).toBe(true);
    await world.clock.advance(20_000);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
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
    await acceptStream();
    expect(world.client.state).toMatchObject({ transport: 'sse' });
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('skips the WebSocket where there is none', async () => {
    const global = globalThis.WebSocket;
    Reflect.deleteProperty(globalThis, 'WebSocket');
    world = new World({ WebSocket: undefined });
    if (global) globalThis.WebSocket = global;
    world.subscribe('news');
    await acceptStream();
    expect(world.client.state).toMatchObject({ transport: 'sse' });
  });

  it('counts a WebSocket that dies at once 3 times in a row as failed', async () => {
    world = new World();
    world.subscribe('news');
    for (let n = 0; n < 3; n++) {
      const socket = await world.network.sockets.next();
      await socket.accept();
      socket.close();
      await world.clock.advance(1_000);
    }
    await acceptStream();
    expect(world.client.state).toMatchObject({ transport: 'sse' });
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('does not count what a server closed, nor a link that lasted', async () => {
    world = new World();
    world.subscribe('news');
    for (let n = 0; n < 6; n++) {
      const socket = await world.network.sockets.next();
      await socket.accept();
      if (n % 2) await world.clock.advance(6_000);
      socket.close(n % 2 ? 1006 : 4006, n % 2 ? '' : 'internal: oops');
      await world.clock.advance(600);
    }
    await world.network.sockets.next();
  });

  it('remembers what worked, for the next connection and the next page', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    const stream = await acceptStream();
    await world.clock.advance(6_000);
    stream.end();
    await world.clock.advance(250);
    await acceptStream();
    expect(world.network.sockets.waiting).toEqual([]);
    const remembered = [...world.storage];
    world.client.close();

    world = new World();
    for (const [key, value] of remembered) world.storage.set(key, value);
    const page = new World({
      storage: { getItem: (key) => world.storage.get(key) ?? null, setItem() {} },
    });
    world.client.close();
    world = page;
    world.subscribe('news');
    await acceptStream();
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('tries the WebSocket again later, beside what works, and takes over without a break', async () => {
    world = new World();
    const news = world.subscribe('news');
    (await world.network.sockets.next()).close();
    const stream = await acceptStream();
    for (let n = 0; n < 30; n++) {
      stream.write(':\n\n');
      await world.clock.advance(10_000);
    }
    const socket = await world.network.sockets.next();
    stream.event({ type: 'message', channel: 'news', offset: offset(2), data: 2 });
    await settle();
    await socket.accept();
    const { id } = await socket.next('subscribe');
    socket.send({ ...ready, id });
    socket.send({ type: 'message', channel: 'news', offset: offset(2), data: 2 } as never);
    socket.send({ type: 'message', channel: 'news', offset: offset(3), data: 3 } as never);
    expect(world.client.state).toMatchObject({ transport: 'websocket' });
    await world.clock.advance(1_000);
    expect(stream.aborted).toBe(true);
    expect(news.data).toEqual([2, 3]);
    expect(world.stateTypes).toEqual(['connecting', 'connected', 'connected']);
  });

  it('lives with a storage that throws', async () => {
    const no = () => {
      throw new Error('forbidden');
    };
    world = new World({ storage: { getItem: no, setItem: no } });
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    await acceptStream();
    expect(world.client.state).toMatchObject({ transport: 'sse' });
  });
});
