// What the client offers beside subscribing: where it is connected, the last messages, what a message says of itself, `using`.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message, resume, subscribeToNews } from './fakes/socket-server.js';
import { assignment, jwt, offset, World } from './fakes/world.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

describe('`last`', () => {
  it('is asked for as it stands, and from its answer on is a position like any other', async () => {
    const news = world.subscribe('news', { last: 2 });
    expect(news.subscription.offset).toBe('-1');
    const socket = await world.network.sockets.next();
    expect((await socket.accept()).features).toContain('positions');
    expect((await resume(socket, 3)).channels).toEqual({ news: { last: 2 } });
    socket.send(message(4));
    socket.send(message(5));
    expect(news.data).toEqual([4, 5]);
    expect(news.states).toEqual([{ type: 'subscribed', offset: offset(3), recovered: true }]);
    socket.close();
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    await next.accept();
    expect((await resume(next, 5)).channels).toEqual({ news: offset(5) });
  });

  it('is asked for again where nobody has answered', async () => {
    const news = world.subscribe('news', { last: 2 });
    const socket = await world.network.sockets.next();
    await socket.accept();
    await socket.next('subscribe');
    socket.close();
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    await next.accept();
    expect((await resume(next, 3)).channels).toEqual({ news: { last: 2 } });
    next.send(message(4));
    expect(news.data).toEqual([4]);
  });

  it('0 is now', async () => {
    world.subscribe('news', { last: 0 });
    const socket = await world.network.sockets.next();
    await socket.accept();
    expect((await socket.next('subscribe')).channels).toEqual({ news: 'now' });
  });

  it('is one question for all that want as many, and history for who wants others', async () => {
    const all = [world.subscribe('news', { last: 2 }), world.subscribe('news', { last: 2 })];
    const more = world.subscribe('news', { last: 3 });
    const socket = await world.network.sockets.next();
    await socket.accept();
    await resume(socket, 3);
    for (const n of [4, 5]) socket.send(message(n));
    expect(all.map(({ data }) => data)).toEqual([
      [4, 5],
      [4, 5],
    ]);
    const request = await world.network.request('/v1/poll');
    expect(request.body).toEqual({ channels: { news: { last: 3 } }, waitMs: 0, features: ['positions'] });
    const messages = [3, 4, 5].map((n) => ({ offset: offset(n), data: n }));
    request.answer(200, { channels: { news: { offset: offset(5), messages } } });
    await settle();
    socket.send(message(6));
    expect(more.data).toEqual([3, 4, 5, 6]);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it.each(['sse', 'long-poll', 'short-poll'] as const)('works over %s', async (transport) => {
    world = new World({ transports: [transport] });
    const news = world.subscribe('news', { last: 2 });
    if (transport === 'sse') {
      const stream = await world.network.request('/v1/stream');
      expect(stream.body).toMatchObject({ channels: { news: { last: 2 } } });
      stream.stream();
      stream.event({ type: 'subscribed', channel: 'news', offset: offset(3), recovered: true });
      for (const n of [4, 5]) stream.event(message(n) as never);
    } else {
      const request = await world.network.request('/v1/poll');
      expect(request.body).toMatchObject({ channels: { news: { last: 2 } }, features: ['positions'] });
      const messages = [4, 5].map((n) => ({ offset: offset(n), data: n }));
      request.answer(200, { channels: { news: { offset: offset(5), messages } } });
    }
    await world.clock.advance(2_000);
    expect(news.data).toEqual([4, 5]);
    expect(news.subscription.offset).toBe(offset(5));
    if (transport === 'sse') return;
    expect((await world.network.request('/v1/poll')).body).toMatchObject({ channels: { news: offset(5) } });
  });

  it('is a whole number from 0 to 1,000, and stands alone', () => {
    for (const bad of [-1, 1.5, 1_001, Number.NaN, '5']) {
      expect(() => world.client.subscribe('news', { last: bad as number }), String(bad)).toThrow(/^bad last: /);
    }
    expect(() => world.client.subscribe('news', { last: 1, after: '-1' })).toThrow(
      /^bad after: "-1" is not possible beside "last"/,
    );
    expect(() => world.client.history('news', { last: 1_001 })).toThrow(/^bad last: /);
    expect(world.client.state.type).toBe('idle');
  });
});

describe('`ready`', () => {
  it('connects, and says where and as whom', async () => {
    const ready = world.client.ready();
    expect(world.client.connection).toBeUndefined();
    await (await world.network.sockets.next()).accept();
    const connection = { id: 'c-s', user: 'u1', node: 'n1', transport: 'websocket' };
    expect(await ready).toEqual(connection);
    expect(await world.client.ready()).toEqual(connection);
    expect(world.client.connection).toEqual(connection);
  });

  it('waits through failures, and rejects with why the client was closed', async () => {
    world = new World({ transports: ['websocket'] });
    const ready = world.client.ready();
    (await world.network.sockets.next()).close(1006);
    await settle();
    expect(world.client.state.type).toBe('waiting');
    world.client.close();
    await expect(ready).rejects.toMatchObject({ name: 'FanfareError', code: 'closed' });
    await expect(world.client.ready()).rejects.toMatchObject({ code: 'closed' });
    expect(world.client.connection).toBeUndefined();
  });

  it('rejects with `logged_out` when the function for tokens says so, and works again after `connect`', async () => {
    let user: string | null = null;
    world = new World({ token: () => user });
    await expect(world.client.ready()).rejects.toMatchObject({ code: 'logged_out' });
    user = jwt();
    world.client.connect();
    const ready = world.client.ready();
    await (await world.network.sockets.next()).accept();
    expect((await ready).user).toBe('u1');
  });
});

describe('a message', () => {
  it('says when it was stored, and whether this client published it', async () => {
    const { news, socket } = await subscribeToNews(world);
    const from = (connection: string) => ({ from: { connection, user: 'u1' } });
    socket.send({ ...message(2), ...from('c-s.n1') });
    socket.send({ ...message(3), ...from('c-s') });
    socket.send({ ...message(4), ...from('c-st.n1') });
    socket.send(message(5));
    socket.send({ type: 'message', channel: 'news', data: 'live' } as never);
    expect(news.messages.map(({ isOwn }) => isOwn)).toEqual([true, true, false, false, false]);
    expect(news.messages.map(({ time }) => time)).toEqual([...Array(4).fill(1_795_342_704_012), undefined]);
  });

  it('is nobody’s own where discovery does not say who the client is', async () => {
    world.network.discovery = (request) => request.answer(200, assignment({ connection: undefined }));
    const { news, socket } = await subscribeToNews(world);
    socket.send(message(2));
    expect(news.messages[0]?.isOwn).toBe(false);
  });
});

describe('`debug`', () => {
  it('writes to the console where it is true', () => {
    const { debug } = console;
    const written: unknown[][] = [];
    console.debug = (...note) => written.push(note);
    try {
      world = new World({ debug: true });
      world.client.connect();
      expect(written[0]).toEqual(['fanfare', 'state', { type: 'connecting' }]);
    } finally {
      console.debug = debug;
    }
  });

  it('is told of states, errors and events, and may throw; a token is in none of them', async () => {
    const told: [string, unknown][] = [];
    world = new World({
      debug: (what, detail) => {
        told.push([what, detail]);
      },
    });
    const { socket } = await subscribeToNews(world);
    socket.send(message(2));
    socket.close();
    await settle();
    const kinds = told.map(([what, detail]) => `${what} ${(detail as { type?: string }).type ?? ''}`.trim());
    expect(kinds).toEqual([
      'state connecting',
      'state connected',
      'event subscribed',
      'event message',
      'error',
      'state waiting',
    ]);
    expect(JSON.stringify(told)).not.toMatch(/token|t1/);
  });
});

describe('`using`', () => {
  it('ends a subscription, and closes a client', async () => {
    const { news } = await subscribeToNews(world);
    news.subscription[Symbol.dispose]();
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'unsubscribed' });
    world.client[Symbol.dispose]();
    expect(world.client.state).toMatchObject({ type: 'closed', reason: 'closed' });
  });

  it('is not there where the host has no such symbol', () => {
    const known = Symbol;
    const older = Object.create(known, { dispose: { value: undefined } }) as typeof Symbol;
    globalThis.Symbol = older;
    try {
      world = new World();
    } finally {
      globalThis.Symbol = known;
    }
    const { client } = world;
    expect(Object.getOwnPropertySymbols(client)).toEqual([]);
  });
});
