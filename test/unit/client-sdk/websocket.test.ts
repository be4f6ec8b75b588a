// The SDK over a WebSocket: connecting, subscribing, resuming, moving, giving up.

import { afterEach, describe, expect, it } from 'vitest';
import type { FakeSocket } from './fakes/fake-network.js';
import { assignment, emitPageEvent, OTHER, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
});

const message = (n: number, channel = 'news') => ({ type: 'message', channel, offset: offset(n), data: n });

async function settle() {
  await world.clock.advance(0);
}

/** A client subscribed to `news` at offset 1. */
async function subscribed(options?: ConstructorParameters<typeof World>[0]) {
  world = new World(options);
  const news = world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept();
  const { id } = await socket.next('subscribe');
  socket.send({ type: 'subscribed', id, channel: 'news', offset: offset(1), recovered: true } as never);
  return { news, socket };
}

async function resume(socket: FakeSocket, at: number, more = {}) {
  const command = await socket.next('subscribe');
  socket.send({
    type: 'subscribed',
    id: command.id,
    channel: 'news',
    offset: offset(at),
    recovered: true,
    ...more,
  } as never);
  return command;
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
    expect(request.body).toEqual({ exclude: [], transports: ['websocket', 'sse', 'long-poll', 'short-poll'] });
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
    world = new World({ token: async () => `token${++calls}` });
    world.network.discovery = undefined;
    world.subscribe('news');
    const first = await world.network.request('/v1/connect');
    expect(first.token).toBe('token1');
    first.refuse(503, 'no_capacity');
    await world.clock.advance(20_000);
    expect((await world.network.request('/v1/connect')).token).toBe('token2');
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
    expect(() => world.subscribe('news', { after: '-1' })).toThrow(TypeError);
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

describe('refusals', () => {
  it('ends the subscription that is refused, and no other', async () => {
    const { news, socket } = await subscribed();
    const secret = world.subscribe('secret');
    const open = world.subscribe('open');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'secret', code: 'forbidden_channel', message: 'no' });
    socket.send({ type: 'subscribed', id, channel: 'open', offset: offset(1), recovered: true } as never);
    expect(secret.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(open.subscription.state.type).toBe('subscribed');
    expect(news.subscription.state.type).toBe('subscribed');
    expect(world.errors).toMatchObject([{ code: 'forbidden_channel', channel: 'secret' }]);
  });

  it('subscribes again later after a refusal for now', async () => {
    const { socket } = await subscribed();
    const more = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 3_000 });
    expect(more.subscription.state.type).toBe('pending');
    await world.clock.advance(3_999);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    expect(await socket.next('subscribe')).toMatchObject({ channels: { more: 'now' } });
  });

  it('asks a node that has no room for another channel again later', async () => {
    const { news, socket } = await subscribed();
    const more = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'more', code: 'overloaded', message: 'full', retryAfterMs: 3_000 });
    expect(more.subscription.state).toEqual({ type: 'pending' });
    await world.clock.advance(4_000);
    expect(await socket.next('subscribe')).toMatchObject({ channels: { more: 'now' } });
    expect(news.subscription.state.type).toBe('subscribed');
  });

  it('begins anew when the node refuses an unsubscribe for now, so that both know the same', async () => {
    const { news, socket } = await subscribed();
    socket.send(message(2));
    const { offset: left } = news.subscription;
    news.subscription.unsubscribe();
    const { id } = await socket.next('unsubscribe');
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 500 });
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 750, cause: 'rate_limited' });
    world.subscribe('news', { after: left });
    await world.clock.advance(750);
    const next = await world.network.sockets.next();
    await next.accept();
    expect(await next.next('subscribe')).toMatchObject({ channels: { news: offset(2) } });
  });

  it('ends a subscription whose permission is withdrawn', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
  });

  it('closes for good after 4500–4999, with every subscription and publish', async () => {
    const { news, socket } = await subscribed();
    const published = world.client.publish('news', 1);
    await socket.next('publish');
    socket.close(4503, 'revoked: the token has been revoked');
    expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'revoked' });
    await expect(published).rejects.toMatchObject({ code: 'revoked' });
    await expect(world.client.publish('news', 2)).rejects.toMatchObject({ code: 'revoked' });
    const late = world.subscribe('late');
    await settle();
    expect(late.subscription.state).toEqual({ type: 'closed', code: 'revoked' });
  });

  it('gets a fresh ticket once after 4501', async () => {
    const { socket } = await subscribed();
    socket.close(4501, 'token_signature_invalid: no');
    await world.clock.advance(250);
    const second = await world.network.sockets.next();
    await second.accept();
    second.close(4501, 'token_signature_invalid: no');
    expect(world.client.state).toEqual({ type: 'closed', code: 4501, reason: 'token_signature_invalid' });
  });

  it('closes when discovery refuses the token twice', async () => {
    world = new World({ token: async () => 'token' });
    let asked = 0;
    world.network.discovery = (request) => {
      asked++;
      request.refuse(401, 'token_expired');
    };
    world.subscribe('news');
    await world.clock.advance(60_000);
    expect(asked).toBe(2);
    expect(world.client.state).toEqual({ type: 'closed', code: 4501, reason: 'token_expired' });
  });

  it('takes a refusal of `connect` from the close, not from the errors before it', async () => {
    world = new World();
    const news = world.subscribe('news');
    const socket = await world.network.sockets.next();
    socket.open();
    const { id } = await socket.next('connect');
    const subscribe = await socket.next('subscribe');
    socket.send({ type: 'error', id, code: 'token_expired', message: 'old' });
    socket.send({ type: 'error', id: subscribe.id, code: 'not_connected', message: 'no' });
    socket.close(4005, 'token_expired: old');
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
    expect(news.subscription.state.type).toBe('pending');
  });
});

describe('time', () => {
  it('gives a link up after twice the heartbeat of silence', async () => {
    const { socket } = await subscribed();
    await world.clock.advance(40_000);
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(49_999);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    expect(socket.closedByClient).toBe(true);
  });

  it('renews the ticket before it ends, and hands it to the node', async () => {
    const { socket } = await subscribed();
    for (let n = 0; n < 80; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(3_600_000 * 0.01);
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

  it('does not wait for ever for a token', async () => {
    world = new World({ token: () => new Promise<string>(() => {}) });
    world.subscribe('news');
    await world.clock.advance(20_000);
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
    expect(world.client.state.type).toBe('connecting');
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
