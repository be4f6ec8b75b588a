// The SDK and links that may be dead: when it asks for a sign of life, what counts as one, and what a hidden page asks for.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeSocket } from './fakes/fake-network.js';
import { message, resume } from './fakes/socket-server.js';
import { emitPageEvent, type Listening, leavePage, offset, showPage, World } from './fakes/world.js';

const HEARTBEAT_MS = 7_000;
const FEATURES = ['ping', 'quiet', 'batch'] as const;

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
  leavePage();
});
const settle = () => world.clock.advance(0);

describe('a WebSocket', () => {
  let socket: FakeSocket;
  let news: Listening;

  beforeEach(async () => {
    world = new World({ transports: ['websocket'] });
    news = world.subscribe('news');
    socket = await world.network.sockets.next();
    const connect = await socket.accept(HEARTBEAT_MS, FEATURES);
    expect(connect.features).toEqual([...FEATURES, 'positions', 'brief']);
    await resume(socket, 1);
  });

  it('gives a WebSocket up 10.75 s after the last it heard', async () => {
    await world.clock.advance(5_000);
    socket.send(message(2));
    await world.clock.advance(7_999);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    await socket.next('ping');
    await world.clock.advance(2_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    expect(socket.closedByClient).toBe(true);
    expect(news.data).toEqual([2]);
  });

  it('is alive when it answers in the very moment in which it is asked', async () => {
    await world.clock.advance(8_000);
    const { id } = await socket.next('ping');
    socket.send({ type: 'pong', id } as never);
    await world.clock.advance(7_999);
    expect(world.client.state.type).toBe('connected');
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    await socket.next('ping');
  });

  it.each([
    ['a pong', (id: number) => ({ type: 'pong', id })],
    ['a message', (_id: number) => message(2)],
    [
      'the error of a node that does not know the command',
      (id: number) => ({ type: 'error', id, code: 'unknown_type' }),
    ],
  ])('goes on after %s, and asks again after the next silence', async (_what, answer) => {
    for (let times = 0; times < 3; times++) {
      await world.clock.advance(8_000);
      const { id } = await socket.next('ping');
      await world.clock.advance(2_500);
      socket.send(answer(id));
    }
    await world.clock.advance(7_999);
    expect(world.client.state.type).toBe('connected');
    expect(socket.commands.waiting).toEqual([]);
  });

  it.each(['online', 'pageshow', 'visibilitychange'])(
    'is asked at once at %s, unless it was heard a moment ago',
    async (type) => {
      await world.clock.advance(2_000);
      emitPageEvent(type);
      const { id } = await socket.next('ping');
      socket.send({ type: 'pong', id } as never);
      if (type !== 'visibilitychange') {
        emitPageEvent(type);
        await settle();
        expect(socket.commands.waiting).toEqual([]);
      }
      await world.clock.advance(2_000);
      emitPageEvent(type);
      await socket.next('ping');
      await world.clock.advance(2_750);
      expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    },
  );

  it('asks for quiet while nobody sees the page, and takes it back', async () => {
    showPage(true);
    const { id } = await socket.next('quiet');
    socket.send({ type: 'quieted', id, heartbeatMs: 60_000 } as never);
    await world.clock.advance(60_999);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    const ping = await socket.next('ping');
    socket.send({ type: 'pong', id: ping.id } as never);
    showPage(false);
    const back = await socket.next('quiet');
    expect(back.heartbeatMs).toBe(HEARTBEAT_MS);
    await socket.next('ping');
    socket.send({ type: 'quieted', id: back.id, heartbeatMs: HEARTBEAT_MS } as never);
    await world.clock.advance(8_000);
    await socket.next('ping');
    expect(world.client.state.type).toBe('connected');
    expect(news.states).toHaveLength(1);
  });

  it('takes several events in one frame, in order', async () => {
    socket.sendText(JSON.stringify([message(2), message(3), null, 5, message(4)]));
    socket.send(message(5));
    expect(news.data).toEqual([2, 3, 4, 5]);
    expect(news.subscription.offset).toBe(offset(5));
  });

  it('makes messages whole that leave out what the one before them says', () => {
    const [three, twelve] = [offset(3).slice(-1), offset(12).slice(-2)];
    socket.sendText(JSON.stringify([{ offset: three, data: 'of nothing' }, message(2), { offset: three, data: 3 }]));
    const [live, from] = [{ data: 'live' }, { connection: 'c', user: 'anna' }];
    socket.sendText(JSON.stringify([message(4), null, 5, live, { offset: twelve, data: 12, from }, { data: null }]));
    expect(news.data).toEqual([2, 3, 4, 'live', 12, null]);
    expect(news.messages.map((one) => one.offset)).toEqual(
      [2, 3, 4, undefined, 12, undefined].map((n) => n && offset(n)),
    );
    expect(news.messages.map((one) => one.from)).toEqual(
      [2, 3, 4, 5, from, 6].map((one) => (one === from ? from : undefined)),
    );
    expect(news.subscription.offset).toBe(offset(12));
  });

  it('hands on how many messages were left out before one', async () => {
    socket.send({ ...message(5), skipped: 3 } as never);
    expect(news.messages).toMatchObject([{ data: 5, skipped: 3 }]);
  });
});

it('a WebSocket that is opened while nobody sees the page asks for quiet at once', async () => {
  Object.assign(globalThis, { document: { hidden: true } });
  world = new World({ transports: ['websocket'] });
  world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept(HEARTBEAT_MS, FEATURES);
  await socket.next('subscribe');
  expect(await socket.next('quiet')).toMatchObject({ heartbeatMs: 60_000 });
});

it('a node that does not grant quiet is not asked for it', async () => {
  world = new World({ transports: ['websocket'] });
  world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept(HEARTBEAT_MS);
  await resume(socket, 1);
  showPage(true);
  await settle();
  expect(socket.commands.waiting).toEqual([]);
});

it('sends one session with all that it asks discovery for, and another in each client', async () => {
  const sessions: unknown[] = [];
  for (let clients = 0; clients < 2; clients++) {
    world = new World({ transports: ['websocket'] });
    const { discovery } = world.network;
    world.network.discovery = (request) => {
      sessions.push(request.body.session);
      discovery?.(request);
    };
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept();
    socket.close(1006);
    await world.clock.advance(1_000);
    await world.network.sockets.next();
    if (clients === 0) world.client.close();
  }
  expect(sessions).toHaveLength(4);
  expect(sessions[0]).toMatch(/^[A-Za-z0-9_-]{22,64}$/);
  expect(sessions[1]).toBe(sessions[0]);
  expect(sessions[2]).not.toBe(sessions[0]);
  expect(sessions[3]).toBe(sessions[2]);
});
