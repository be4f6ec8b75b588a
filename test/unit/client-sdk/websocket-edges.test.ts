// A WebSocket at its edges: what a node says twice, in one frame or too late, and what was to be said on a link that is gone.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/websocket-only.js';
import { FakeClock } from './fakes/fake-clock.js';
import { FakeNetwork, type FakeSocket } from './fakes/fake-network.js';
import { message, resume, subscribeToNews } from './fakes/socket-server.js';
import { assignment, leavePage, OTHER, offset, showPage, World } from './fakes/world.js';

let world: World;
afterEach(async () => {
  await world.end();
  leavePage();
});
const settle = () => world.clock.advance(0);

async function subscribed() {
  world = new World({ transports: ['websocket'] });
  return subscribeToNews(world);
}

describe('a publish', () => {
  it('that is answered twice is done once, and the next ones are no more on their way than may be', async () => {
    const { socket } = await subscribed();
    const published = world.client.publish('a', 1);
    const { id } = await socket.next('publish');
    const answer = { type: 'published', id, channel: 'a', offset: offset(1) };
    for (let n = 0; n < 3; n++) socket.send(answer);
    expect(await published).toEqual({ offset: offset(1) });
    for (let n = 0; n < 20; n++) world.client.publish(`a:${n}`, n).catch(() => {});
    expect(socket.commands.waiting).toHaveLength(16);
  });

  it('may be as long as the node takes frames, to the byte', async () => {
    const { socket } = await subscribed();
    const key = 'k';
    // The link has sent `connect` and `subscribe`.
    const empty = JSON.stringify({ type: 'publish', id: 3, channel: 'a', data: '', key }).length;
    const longest = world.client.publish('a', 'x'.repeat(65_536 - empty), { key });
    const { id } = await socket.next('publish');
    socket.send({ type: 'published', id, channel: 'a', offset: offset(1) });
    await longest;
    await expect(world.client.publish('a', 'x'.repeat(65_537 - empty), { key })).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    expect(socket.commands.waiting).toEqual([]);
  });

  it('that has ended leaves no timer, and nor does what was refused', async () => {
    const { socket } = await subscribed();
    const before = world.clock.pending;
    for (const end of ['published', 'error']) {
      const published = world.client.publish('a', 1).catch(() => {});
      const { id } = await socket.next('publish');
      expect(world.clock.pending).toBe(before + 1);
      const answer = { type: end, id, channel: 'a', offset: offset(1), code: 'forbidden', message: 'no' };
      socket.send(answer);
      await published;
      expect(world.clock.pending).toBe(before);
    }
  });
});

describe('a frame', () => {
  it('of which one event ends the link brings nothing behind it', async () => {
    const { news, socket } = await subscribed();
    socket.sendText(JSON.stringify([message(2), { type: 'error', code: 'overloaded', message: 'later' }, message(3)]));
    expect(news.data).toEqual([2]);
    expect(world.errors.map(({ code }) => code)).toEqual(['overloaded']);
  });

  it('that comes after the end of its link is none', async () => {
    const { news, socket } = await subscribed();
    socket.close();
    socket.send(message(2));
    socket.close();
    socket.fail();
    await settle();
    expect(news.data).toEqual([]);
    expect(world.errors.map(({ code }) => code)).toEqual(['network']);
    expect(world.stateTypes).toEqual(['connecting', 'connected', 'waiting']);
  });
});

describe('a command that is to be repeated', () => {
  async function refused(type: 'quiet' | 'refresh'): Promise<FakeSocket> {
    world = new World({ transports: ['websocket'] });
    world.network.discovery = (request) => request.answer(200, assignment({ expiresInMs: 10_000 }));
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept(7_000, ['quiet']);
    await resume(socket, 1);
    if (type === 'quiet') showPage(true);
    else {
      await world.clock.advance(8_000);
      (await world.network.request('/v1/ticket')).answer(200, { ticket: 't2', expiresInMs: 3_600_000 });
      await settle();
      await socket.next('ping');
    }
    const { id } = await socket.next(type);
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 500 });
    return socket;
  }

  it.each(['quiet', 'refresh'] as const)('is not once its link is gone: %s', async (type) => {
    const socket = await refused(type);
    socket.close();
    await world.clock.advance(200);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(10_000);
    expect(socket.commands.waiting).toEqual([]);
  });

  it('is not once it has become needless: a page that is seen again', async () => {
    const socket = await refused('quiet');
    showPage(false);
    await socket.next('ping');
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(3_000);
    expect(socket.commands.waiting).toEqual([]);
  });

  it('that fails is told, where it is about the ticket', async () => {
    await refused('refresh');
    expect(world.errors).toMatchObject([{ code: 'rate_limited', retryAfterMs: 500 }]);
  });
});

describe('a socket that cannot be opened', () => {
  it('says why, with what the browser says as its cause', async () => {
    world = new World({ transports: ['websocket'] });
    world.subscribe('news');
    (await world.network.sockets.next()).fail();
    expect(world.errors).toMatchObject([
      { code: 'network', message: 'ws://n1.test/v1/ws: refused', cause: { type: 'error' } },
    ]);
  });

  it('as where the constructor throws, leaves it to the next transport, or to the next try', async () => {
    const denied = class {
      constructor() {
        throw new DOMException('insecure', 'SecurityError');
      }
    } as never;
    world = new World({ WebSocket: denied });
    world.subscribe('news');
    await settle();
    await world.network.request('/v1/stream');
    expect(world.errors).toEqual([]);
    world.client.close();
    world = new World({ WebSocket: denied, transports: ['websocket'] });
    world.subscribe('news');
    await settle();
    expect(world.errors).toMatchObject([{ code: 'network', message: expect.stringContaining('insecure') }]);
    expect(world.client.state.type).toBe('waiting');
  });
});

describe('a link that another has replaced', () => {
  it('is closed a second later, or as soon as a third one is there', async () => {
    const { socket } = await subscribed();
    const move = { type: 'move', withinMs: 5_000, reason: 'draining' };
    world.network.discovery = (request) => request.answer(200, assignment({ node: OTHER }));
    socket.send(move);
    const second = await world.network.sockets.next();
    await world.clock.advance(1_900);
    await second.accept();
    second.send(move);
    await world.clock.advance(100);
    const third = await world.network.sockets.next();
    expect(socket.isOpen).toBe(true);
    await third.accept();
    expect([socket.isOpen, second.isOpen]).toEqual([false, true]);
    await world.clock.advance(999);
    expect(second.isOpen).toBe(true);
    await world.clock.advance(1);
    expect([second.isOpen, third.isOpen]).toEqual([false, true]);
  });

  it('asks for no other, and its silence is nobody’s', async () => {
    const { socket } = await subscribed();
    const move = { type: 'move', withinMs: 5_000, reason: 'draining' };
    socket.send(move);
    const second = await world.network.sockets.next();
    socket.send(move);
    await world.clock.advance(2_000);
    await second.accept();
    socket.send(move);
    await world.clock.advance(10_000);
    expect(world.network.sockets.waiting).toEqual([]);
    expect(second.isOpen).toBe(true);
  });

  it('leaves a channel that it withdraws to neither: the other is told that it is wanted no more', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const second = await world.network.sockets.next();
    second.open();
    await second.next('connect');
    await second.next('subscribe');
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    await settle();
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(await second.next('unsubscribe')).toMatchObject({ channels: ['news'] });
  });

  it('that a node ends for good while another is opened ends the client', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const second = await world.network.sockets.next();
    socket.close(4503, 'revoked: gone');
    expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
    expect([second.isOpen, news.subscription.state.type]).toEqual([false, 'closed']);
  });
});

it.each([
  ['directly before it', [], 240_000],
  ['before something else', [{ type: 'heartbeat' }], 250],
])('a link’s end waits as long as an error has asked for %s', async (_when, between, retryInMs) => {
  const { socket } = await subscribed();
  await world.clock.advance(5_000);
  world.client.publish('out', 1).catch(() => {});
  const { id } = await socket.next('publish');
  socket.send({ type: 'error', id, code: 'rate_limited', message: '', retryAfterMs: 240_000 });
  for (const event of between) socket.send(event);
  socket.close(4000, 'draining');
  const state = world.client.state as { retryInMs: number };
  expect(state.retryInMs).toBeGreaterThanOrEqual(retryInMs);
  expect(state.retryInMs).toBeLessThan(retryInMs + 20_000);
});

it('a link that has lasted five seconds makes what failed before it forgotten', async () => {
  world = new World({ transports: ['websocket'] });
  world.subscribe('news');
  const delays: unknown[] = [];
  for (const lastsMs of [0, 0, 4_999, 5_000, 0]) {
    const socket = await world.network.sockets.next();
    await socket.accept();
    await world.clock.advance(lastsMs);
    socket.close();
    const { retryInMs = 0 } = world.client.state as { retryInMs?: number };
    delays.push(retryInMs);
    await world.clock.advance(retryInMs);
  }
  expect(delays).toEqual([250, 500, 1_000, 250, 500]);
});

it('a node that says this and that, but never that the link is connected, is left after five minutes', async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const { WebSocket, fetch } = network;
  const client = createClient({ url: 'http://discovery.test', clock, WebSocket, fetch });
  client.subscribe('news');
  await clock.advance(1_000);
  (await network.request('/v1/connect')).answer(200, assignment());
  const socket = await network.sockets.next();
  for (let ms = 1_000; ms < 300_000; ms += 1_000) {
    expect(client.state.type).toBe('connecting');
    socket.send({ type: 'heartbeat' });
    await clock.advance(1_000);
  }
  expect(client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
  client.close();
  await clock.advance(0);
  expect(clock.pending).toBe(0);
});
