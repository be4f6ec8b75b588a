// The ladder at its edges: to the millisecond where it counts, and to the code where a server's word is one.

import { afterEach, describe, expect, it } from 'vitest';
import { FakeNetwork } from './fakes/fake-network.js';
import { message } from './fakes/socket-server.js';
import { acceptStream } from './fakes/streams.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => world.end());
const settle = () => world.clock.advance(0);
const ready = { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as const;

it.each([
  [7_000, 'sse'],
  [7_001, 'websocket'],
])(
  'a WebSocket whose last word comes %i ms after it has connected, and that falls silent then, is followed by %s',
  async (lastMs, transport) => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept(7_000);
    await world.clock.advance(lastMs);
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(10_750);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    await world.clock.advance(250);
    expect(world.network.sockets.waiting).toHaveLength(transport === 'websocket' ? 1 : 0);
    expect(world.network.waiting('/v1/stream')).toHaveLength(transport === 'sse' ? 1 : 0);
  },
);

it.each([
  [14_999, 'sse'],
  [15_000, 'websocket'],
])('three WebSockets that die after %i ms are followed by %s', async (ageMs, transport) => {
  world = new World();
  world.subscribe('news');
  for (let n = 0; n < 3; n++) {
    const socket = await world.network.sockets.next();
    await socket.accept(25_000);
    await world.clock.advance(ageMs);
    socket.close();
    await world.clock.advance(1_000);
  }
  expect(world.network.sockets.waiting).toHaveLength(transport === 'websocket' ? 1 : 0);
  expect(world.network.waiting('/v1/stream')).toHaveLength(transport === 'sse' ? 1 : 0);
});

it.each([
  [3_999, 'network', 1],
  [4_000, 'draining', 0],
  [4_003, 'auth_timeout', 1],
])(
  'a WebSocket that ends with %i before it has connected is followed by the next transport, unless that is a server’s word',
  async (code, reason, streams) => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close(code, `${reason}: why`);
    await settle();
    expect(world.network.waiting('/v1/stream')).toHaveLength(streams);
    expect(world.client.state.type).toBe(streams ? 'connecting' : 'waiting');
  },
);

describe('what comes slowly before it has connected', () => {
  it('is progress: it is given up ten seconds after its last word, and has nobody beside it for four', async () => {
    world = new World();
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    for (let n = 0; n < 4; n++) {
      await world.clock.advance(3_999);
      expect(world.network.waiting('/v1/poll')).toEqual([]);
      stream.write(': slow\n\n');
      await settle();
    }
    await world.clock.advance(3_999);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    await world.clock.advance(1);
    const poll = await world.network.request('/v1/poll');
    await world.clock.advance(3_999);
    stream.event(ready);
    await settle();
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'sse' });
    expect([stream.aborted, poll.aborted]).toEqual([false, true]);
  });

  it('is no progress any more after half a minute where a stream is to say that it is connected', async () => {
    world = new World({ transports: ['sse', 'long-poll'] });
    world.subscribe('news');
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    for (let n = 1; n < 15; n++) {
      await world.clock.advance(2_000);
      expect(world.network.waiting('/v1/poll')).toEqual([]);
      stream.write(': slow\n\n');
      await settle();
    }
    await world.clock.advance(1_999);
    expect(stream.aborted).toBe(false);
    await world.clock.advance(1);
    expect(stream.aborted).toBe(true);
    expect(world.network.waiting('/v1/poll')).toHaveLength(1);
    expect(world.stateTypes).toEqual(['connecting']);
  });

  it('is none where a proxy hands on a byte now and then', async () => {
    world = new World({ transports: ['sse', 'long-poll'] });
    world.subscribe('news');
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    for (let n = 0; n < 4; n++) {
      expect(world.network.waiting('/v1/poll')).toEqual([]);
      await world.clock.advance(1_000);
      stream.write('data: {"ty'[n] as string);
      await settle();
    }
    expect(world.network.waiting('/v1/poll')).toHaveLength(1);
    await world.clock.advance(6_000);
    expect(stream.aborted).toBe(true);
  });

  it('is given two minutes where it is the answer of a poll, that may be long', async () => {
    world = new World({ transports: ['long-poll'] });
    world.subscribe('news');
    const poll = await world.network.request('/v1/poll');
    poll.stream();
    for (let n = 1; n < 24; n++) {
      await world.clock.advance(5_000);
      poll.write(' ');
      await settle();
    }
    await world.clock.advance(4_999);
    expect([poll.aborted, world.client.state.type]).toEqual([false, 'connecting']);
    await world.clock.advance(1);
    expect([poll.aborted, world.client.state.type]).toEqual([true, 'waiting']);
  });

  it('is given up then, and the others go on', async () => {
    world = new World({ transports: ['sse', 'long-poll'] });
    world.subscribe('news');
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    stream.write(': slow\n\n');
    await settle();
    await world.clock.advance(4_000);
    const poll = await world.network.request('/v1/poll');
    await world.clock.advance(5_999);
    expect([stream.aborted, poll.aborted]).toEqual([false, false]);
    await world.clock.advance(1);
    expect([stream.aborted, poll.aborted]).toEqual([true, false]);
  });
});

it('a stream that works, and of which a proxy hands on a byte now and then, is asked for a sign of life', async () => {
  world = new World({ transports: ['sse'] });
  world.subscribe('news');
  const stream = await acceptStream(world);
  for (let n = 0; n < 8; n++) {
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await world.clock.advance(1_000);
    stream.write('data: {"type'[n] as string);
    await settle();
  }
  const successor = await acceptStream(world);
  expect(stream.aborted).toBe(true);
  for (let n = 0; n < 10; n++) {
    // Some more of a long event, on a slow network.
    successor.write(n ? 'x'.repeat(256) : 'data: {"type":"');
    await world.clock.advance(6_000);
    expect(successor.aborted).toBe(false);
  }
  expect(world.stateTypes).toEqual(['connecting', 'connected']);
});

it('a better transport that the page may not open is left where it is', async () => {
  let opened = 0;
  let isDenied = false;
  const { WebSocket, sockets } = new FakeNetwork();
  world = new World({
    WebSocket: class extends WebSocket {
      constructor(url: string) {
        opened++;
        if (isDenied) throw new DOMException('insecure', 'SecurityError');
        super(url);
      }
    },
  });
  const news = world.subscribe('news');
  (await sockets.next()).close();
  const stream = await acceptStream(world);
  isDenied = true;
  for (let ms = 0; ms < 60_000; ms += 5_000) {
    await world.clock.advance(5_000);
    stream.write(':\n\n');
  }
  await settle();
  expect(opened).toBe(2);
  stream.event(message(2) as never);
  await settle();
  expect([news.data, world.stateTypes]).toEqual([[2], ['connecting', 'connected']]);
});

it('what follows a WebSocket that died three times may die itself, and is tried for a minute before the WebSocket is again', async () => {
  world = new World();
  world.subscribe('news');
  for (let n = 0; n < 3; n++) {
    const socket = await world.network.sockets.next();
    await socket.accept();
    socket.close();
    await world.clock.advance(1_000);
  }
  for (let n = 0; n < 2; n++) {
    (await acceptStream(world)).end();
    await world.clock.advance(5_000);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  }
  const stream = await acceptStream(world);
  for (let ms = 0; ms < 45_000; ms += 5_000) {
    await world.clock.advance(5_000);
    stream.write(':\n\n');
  }
  expect(world.network.sockets.waiting).toEqual([]);
  await world.clock.advance(5_000);
  await world.network.sockets.next();
});

it('what fails beside a slow one is followed at once, and a slow one that fails beside another is not', async () => {
  world = new World();
  world.subscribe('news');
  const socket = await world.network.sockets.next();
  await world.clock.advance(4_000);
  (await world.network.request('/v1/stream')).fail();
  await settle();
  const poll = await world.network.request('/v1/poll');
  socket.close();
  await settle();
  expect([world.network.waiting('/v1/poll'), poll.aborted]).toEqual([[], false]);
});

it('a publish goes out over what works alone', async () => {
  world = new World();
  world.subscribe('news');
  const socket = await world.network.sockets.next();
  socket.open();
  await world.clock.advance(4_000);
  const stream = await world.network.request('/v1/stream');
  const published = world.client.publish('a', 1).catch(() => {});
  await settle();
  expect(world.network.waiting('/v1/publish')).toEqual([]);
  stream.stream();
  stream.event(ready);
  (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
  await published;
  expect(socket.closedByClient).toBe(true);
});
