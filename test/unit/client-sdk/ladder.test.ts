// Climbing back: a better transport is tried beside the one that works, has to show that it lasts, and is moved to without a break.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeRequest, FakeSocket } from './fakes/fake-network.js';
import { message } from './fakes/socket-server.js';
import { assignment, type Listening, offset, World } from './fakes/world.js';

let world: World;
let news: Listening;
/** How often discovery was asked for a node. */
let asked = 0;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);
const ready = { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as const;

/** The link goes on, and says so. */
async function live(stream: FakeRequest, ms: number) {
  for (let left = ms; left > 0; left -= 5_000) {
    await world.clock.advance(Math.min(left, 5_000));
    stream.write(':\n\n');
  }
  await settle();
}

async function open(): Promise<void> {
  world = new World();
  asked = 0;
  world.network.discovery = (request) => {
    asked++;
    request.answer(200, assignment());
  };
  news = world.subscribe('news');
}

describe('a client whose WebSocket was refused', () => {
  let stream: FakeRequest;

  beforeEach(async () => {
    await open();
    (await world.network.sockets.next()).close();
    stream = await world.network.request('/v1/stream');
    stream.stream();
    stream.event(ready);
    await settle();
  });

  /** The next trial, `pauseMs` after the last one. */
  async function trial(pauseMs: number): Promise<FakeSocket> {
    await live(stream, pauseMs - 1);
    expect(world.network.sockets.waiting).toEqual([]);
    await world.clock.advance(1);
    return world.network.sockets.next();
  }

  const goesOn = () => {
    expect([asked, stream.aborted]).toEqual([1, false]);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  };

  it('tries it again beside the stream, and moves once it has lasted 15 s: nothing is lost or comes twice', async () => {
    const tried = await trial(60_000);
    await tried.accept();
    const { id } = await tried.next('subscribe');
    tried.send({ ...ready, id });
    stream.event(message(2) as never);
    tried.send(message(2));
    tried.send(message(3));
    await live(stream, 14_999);
    expect(news.data).toEqual([2]);
    expect(tried.commands.waiting).toEqual([]);
    goesOn();
    stream.event(message(3) as never);
    await world.clock.advance(1);
    const ping = await tried.next('ping');
    tried.send({ type: 'pong', id: ping.id });
    expect(tried.closedByClient).toBe(true);

    const socket = await world.network.sockets.next();
    expect(asked).toBe(2);
    await socket.accept();
    const command = await socket.next('subscribe');
    expect(command.channels).toEqual({ news: offset(3) });
    socket.send({ ...ready, id: command.id, offset: offset(3) });
    stream.event(message(4) as never);
    socket.send(message(4));
    await world.clock.advance(1_000);
    expect(world.client.state).toMatchObject({ transport: 'websocket' });
    expect(stream.aborted).toBe(true);
    expect(news.data).toEqual([2, 3, 4]);
    expect(world.stateTypes).toEqual(['connecting', 'connected', 'connected']);
    expect(world.storage.get('fanfare:http://discovery.test')).toBe('');
  });

  it('doubles the pause each time that it fails, up to a quarter of an hour, and leaves the stream alone', async () => {
    for (const minutes of [1, 2, 4, 8, 15, 15]) (await trial(minutes * 60_000)).close();
    await settle();
    goesOn();
  });

  it('tries one at a time, also where its timers come late, and leaves none of them open', async () => {
    const tried = await trial(60_000);
    await tried.accept();
    world.clock.sleep(130_000);
    stream.write(':\n\n');
    await live(stream, 1_000);
    expect(world.network.sockets.waiting).toEqual([]);
    world.client.close();
    expect(tried.closedByClient).toBe(true);
  });

  it.each([
    ['says nothing', (_socket: FakeSocket) => live(stream, 10_000)],
    [
      'is killed after 6 s',
      async (socket: FakeSocket) => {
        await socket.accept();
        await live(stream, 6_000);
        socket.close();
      },
    ],
    [
      'falls silent',
      async (socket: FakeSocket) => {
        await socket.accept();
        await live(stream, 17_750);
      },
    ],
    [
      'refuses a channel',
      async (socket: FakeSocket) => {
        await socket.accept();
        const { id } = await socket.next('subscribe');
        socket.send({ type: 'error', id, channel: 'news', code: 'forbidden_channel', message: 'no' } as never);
        socket.close(4501, 'token_expired: no');
      },
    ],
  ])('goes on over the stream when the WebSocket that is tried %s', async (_what, act) => {
    const tried = await trial(60_000);
    await act(tried);
    await settle();
    expect(tried.closedByClient).toBe(true);
    goesOn();
    expect(news.subscription.state.type).toBe('subscribed');
    stream.event(message(2) as never);
    await settle();
    expect(news.data).toEqual([2]);
  });

  it('keeps its pause when the stream is lost in between', async () => {
    (await trial(60_000)).close();
    await live(stream, 100_000);
    stream.end();
    await world.clock.advance(1_000);
    stream = await world.network.request('/v1/stream');
    stream.stream();
    stream.event(ready);
    await live(stream, 18_999);
    expect(world.network.sockets.waiting).toEqual([]);
    await live(stream, 1);
    await world.network.sockets.next();
  });

  it('ends a trial with the client', async () => {
    const tried = await trial(60_000);
    await tried.accept();
    world.client.close();
    expect([tried.closedByClient, stream.aborted]).toEqual([true, true]);
  });
});

it('a stream that is tried after a WebSocket that died young has its own fifteen seconds', async () => {
  await open();
  (await world.network.sockets.next()).close();
  (await world.network.request('/v1/stream')).fail();
  (await world.network.request('/v1/poll')).answer(200, { channels: { news: { offset: offset(1), messages: [] } } });
  for (let waited = 0; waited < 60_000; waited += 20_000) {
    await world.clock.advance(20_000);
    (await world.network.request('/v1/poll')).answer(204);
  }
  const socket = await world.network.sockets.next();
  await socket.accept();
  await world.clock.advance(6_000);
  socket.close();
  const tried = await world.network.request('/v1/stream');
  tried.stream();
  tried.event(ready);
  await world.clock.advance(14_999);
  expect([tried.aborted, world.network.waiting('/v1/stream')]).toEqual([false, []]);
  await world.clock.advance(1);
  expect([tried.aborted, world.network.waiting('/v1/stream').length]).toEqual([false, 1]);
});

it('tries the stream too, after the WebSocket, where polls are what works', async () => {
  await open();
  (await world.network.sockets.next()).close();
  (await world.network.request('/v1/stream')).fail();
  const first = { offset: offset(1), messages: [] };
  (await world.network.request('/v1/poll')).answer(200, { channels: { news: first } });
  for (let waited = 0; waited < 60_000; waited += 20_000) {
    await world.clock.advance(20_000);
    (await world.network.request('/v1/poll')).answer(204);
  }
  (await world.network.sockets.next()).close();
  const tried = await world.network.request('/v1/stream');
  tried.stream();
  tried.event(ready);
  await world.clock.advance(15_000);
  const successor = await world.network.request('/v1/stream');
  successor.stream();
  successor.write(':\n\n');
  await settle();
  const stream = await world.network.request('/v1/stream');
  expect([tried.aborted, successor.aborted, asked]).toEqual([true, true, 2]);
  stream.stream();
  stream.event(ready);
  await settle();
  expect(world.client.state).toMatchObject({ transport: 'sse' });
  expect(world.network.sockets.waiting).toEqual([]);
});
