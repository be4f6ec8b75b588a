// The SDK over a WebSocket: connecting, and delivery over one link and the next.

import { afterEach, describe, expect, it } from 'vitest';
import { message, resume, subscribeToNews } from './fakes/socket-server.js';
import { assignment, jwt, OTHER, offset, World } from './fakes/world.js';

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

describe('connecting', () => {
  it('is idle until it is asked for something', async () => {
    world = new World();
    await settle();
    expect(world.client.state).toEqual({ type: 'idle' });
    expect(world.network.sockets.waiting).toEqual([]);
  });

  it('asks discovery with the token, and connects with the ticket without waiting to subscribe', async () => {
    world = new World();
    world.network.discovery = undefined;
    world.subscribe('news', { after: '-1' });
    const request = await world.network.request('/v1/connect');
    expect(request.token).toBe('token');
    const transports = ['websocket', 'sse', 'long-poll', 'short-poll'];
    expect(request.body).toEqual({ exclude: [], transports, session: expect.any(String) });
    request.answer(200, assignment());
    const socket = await world.network.sockets.next();
    expect(socket.url).toBe('ws://n1.test/v1/ws');
    socket.open();
    expect(await socket.next('connect')).toMatchObject({ version: 1, token: 't1' });
    expect(await socket.next('subscribe')).toMatchObject({ channels: { news: '-1' } });
    expect(world.stateTypes).toEqual(['connecting']);
  });

  it('sends no token when there is none, and calls a function for each ticket', async () => {
    world = new World({ token: undefined });
    world.network.discovery = undefined;
    world.subscribe('news');
    expect((await world.network.request('/v1/connect')).token).toBeUndefined();
    world.client.close();

    let calls = 0;
    world = new World({ token: async () => jwt(++calls) });
    world.network.discovery = undefined;
    world.subscribe('news');
    const first = await world.network.request('/v1/connect');
    expect(first.token).toBe(jwt(1));
    first.refuse(503, 'no_capacity');
    await world.clock.advance(20_000);
    expect((await world.network.request('/v1/connect')).token).toBe(jwt(2));
  });

  it('tells the states on the way', async () => {
    const { socket } = await subscribed();
    expect(world.states).toEqual([{ type: 'connecting' }, { type: 'connected', transport: 'websocket', node: 'n1' }]);
    socket.close(4001, 'overloaded: full');
    expect(world.client.state).toEqual({ type: 'waiting', retryInMs: 250, cause: 'overloaded' });
    world.client.close();
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
    expect(socket.closedByClient).toBe(true);
  });

  it('refuses bad arguments where they are given', () => {
    expect(() => new World({ url: 'ws://x' })).toThrow(TypeError);
    expect(() => new World({ transports: ['pigeon' as never] })).toThrow(TypeError);
    world = new World();
    for (const name of ['', 'a b', ':a', 'a:', '..']) expect(() => world.client.subscribe(name)).toThrow(TypeError);
    expect(() => world.client.subscribe('a', { after: 'yesterday' })).toThrow(TypeError);
    expect(() => world.client.publish('a', undefined)).toThrow(TypeError);
    expect(() => world.client.publish('a b', 1)).toThrow(TypeError);
  });
});

describe('delivery', () => {
  it('delivers messages in order, each logged one once, and passes live-only ones on', async () => {
    const { news, socket } = await subscribed();
    for (const n of [1, 2, 2, 3, 2]) socket.send(message(n));
    socket.send({ type: 'message', channel: 'news', data: 'live' } as never);
    socket.send({ type: 'message', channel: 'news', data: 'live' } as never);
    expect(news.data).toEqual([2, 3, 'live', 'live']);
    expect(news.subscription.offset).toBe(offset(3));
  });

  it('goes on after a gap, even where that sorts lower', async () => {
    const { news, socket } = await subscribed();
    socket.send(message(9));
    socket.send({ type: 'gap', channel: 'news', after: offset(9), offset: offset(4), reason: 'rewritten' } as never);
    socket.send(message(5));
    expect(news.data).toEqual([9, 5]);
    expect(news.gaps).toMatchObject([{ reason: 'rewritten' }]);
    expect(news.subscription.offset).toBe(offset(5));
  });

  it('resumes every channel at its position after the link is lost, on another node', async () => {
    const { news, socket } = await subscribed();
    socket.send(message(2));
    world.network.discovery = undefined;
    socket.close();
    expect(news.subscription.state).toEqual({ type: 'pending' });
    await world.clock.advance(250);
    const request = await world.network.request('/v1/connect');
    expect(request.body).toMatchObject({ exclude: ['n1'] });
    request.answer(200, assignment({ node: OTHER }));
    const next = await world.network.sockets.next();
    expect(next.url).toBe('ws://n2.test/v1/ws');
    await next.accept();
    expect(await resume(next, 2)).toMatchObject({ channels: { news: offset(2) } });
    next.send(message(2));
    next.send(message(3));
    expect(news.data).toEqual([2, 3]);
  });

  it('asks from the same position again when the link is lost between `subscribed` and its gap', async () => {
    const { news, socket } = await subscribed();
    socket.close();
    await world.clock.advance(250);
    const second = await world.network.sockets.next();
    await second.accept();
    await resume(second, 50, { recovered: false });
    second.close();
    await world.clock.advance(1_000);
    const third = await world.network.sockets.next();
    await third.accept();
    expect(await third.next('subscribe')).toMatchObject({ channels: { news: offset(1) } });
    expect(news.gaps).toEqual([]);
  });

  it('drops what comes for a channel that was left, and for the subscription before this one', async () => {
    const { news, socket } = await subscribed();
    news.subscription.unsubscribe();
    const again = world.subscribe('news', { after: '-1' });
    socket.send(message(7));
    const { id } = await socket.next('unsubscribe');
    socket.send({ type: 'unsubscribed', id, channel: 'news' } as never);
    const command = await socket.next('subscribe');
    socket.send({
      type: 'subscribed',
      id: command.id - 5,
      channel: 'news',
      offset: offset(9),
      recovered: true,
    } as never);
    socket.send(message(10));
    expect(again.data).toEqual([]);
    socket.send({ type: 'subscribed', id: command.id, channel: 'news', offset: offset(1), recovered: true } as never);
    socket.send(message(2));
    expect(news.data).toEqual([]);
    expect(again.data).toEqual([2]);
  });

  it('shares one subscription on the wire, and leaves the channel with the last of them', async () => {
    const { news, socket } = await subscribed();
    const other = world.subscribe('news');
    expect(other.subscription.state.type).toBe('subscribed');
    socket.send(message(2));
    news.subscription.unsubscribe();
    socket.send(message(3));
    await settle();
    expect(socket.commands.waiting).toEqual([]);
    expect([news.data, other.data]).toEqual([[2], [2, 3]]);
    other.subscription.unsubscribe();
    expect(await socket.next('unsubscribe')).toMatchObject({ channels: ['news'] });
  });

  it('asks for all that changes in one turn with one command', async () => {
    const { socket } = await subscribed();
    for (const name of ['a', 'b', '__proto__', 'constructor']) world.subscribe(name);
    const { channels } = await socket.next('subscribe');
    expect(Object.keys(channels as object)).toEqual(['a', 'b', '__proto__', 'constructor']);
  });

  it('goes on when a listener throws, and reports its error as uncaught', async () => {
    const { news, socket } = await subscribed();
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => uncaught.push(error));
    news.subscription.on('message', () => {
      throw new Error('mine');
    });
    const after: unknown[] = [];
    news.subscription.on('message', ({ data }) => after.push(data));
    socket.send(message(2));
    await settle();
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(uncaught).toMatchObject([{ message: 'mine' }]);
    expect(after).toEqual([2]);
  });
});
