// What the application hands in is looked at where it is handed in, and what is wrong is named; and what it is told when something fails.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient, FanfareError } from '../../../client-sdk/index.js';
import type { ClientOptions } from '../../../client-sdk/types.js';
import { createClient as createWebSocketClient } from '../../../client-sdk/websocket-only.js';
import { resume, subscribeToNews } from './fakes/socket-server.js';
import { assignment, offset, World } from './fakes/world.js';

let world: World | undefined;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
  world = undefined;
});

const url = 'http://discovery.test';
const make = (options: object) => createClient({ url, ...options } as ClientOptions).close();

describe('options', () => {
  it.each([
    ['url', [undefined, '', 'discovery.test', 'ws://discovery.test', 'http://', 'http://a b', 'http://a?b', 5, null]],
    ['token', ['', 5, null, {}]],
    ['transports', [[], 'websocket', ['pigeon'], ['toString'], null, 5]],
    ['WebSocket', [null, {}, 'ws']],
    ['fetch', [null, {}, 'fetch']],
    ['random', [null, 0.5]],
    ['pollIntervalMs', [0, 9, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2000', 3_600_001]],
    ['pollWaitMs', [0, 60_001, Number.NaN, 120_000, '25000']],
    ['clock', [null, {}, { now: Date.now }]],
    ['storage', [5, {}, { getItem() {} }]],
  ])('refuse a bad %s, and name it', (name, values) => {
    for (const value of values) {
      expect(() => make({ [name]: value }), String(value)).toThrow(TypeError);
      expect(() => make({ [name]: value }), String(value)).toThrow(new RegExp(`^bad ${name}: .+ is not `));
    }
  });

  it('that are `undefined` are as good as absent', () => {
    const names = [
      'token',
      'transports',
      'WebSocket',
      'fetch',
      'random',
      'pollIntervalMs',
      'pollWaitMs',
      'clock',
      'storage',
    ];
    make(Object.fromEntries(names.map((name) => [name, undefined])));
    make({ storage: null, pollIntervalMs: 10, pollWaitMs: 60_000, url: 'https://a.example:8443/push/' });
  });

  it('never show a token', () => {
    expect(() => make({ token: ['secret'] })).toThrow(/^bad token: object is not/);
  });

  it('of the WebSocket entry are looked at too', () => {
    expect(() => createWebSocketClient({ url: 'nowhere' })).toThrow(/^bad url: "nowhere" is not an http/);
  });

  it('without a storage remember nothing', async () => {
    world = new World({ storage: null });
    world.subscribe('news');
    (await world.network.sockets.next()).close();
    await world.network.request('/v1/stream');
  });
});

describe('arguments', () => {
  it('of subscribe and publish are refused at the call, and name themselves', () => {
    world = new World();
    const { client } = world;
    expect(() => client.subscribe(5 as never)).toThrow(/^bad channel: 5 is not a name/);
    expect(() => client.subscribe('news', { after: -1 as never })).toThrow(/^bad after: -1 is not /);
    expect(() => client.subscribe('news', { gaps: 'ignore' as never })).toThrow(/^bad gaps: "ignore"/);
    expect(() => client.subscribe('news', {}, {} as never)).toThrow(/^bad listener/);
    for (const key of ['', 'a b', 'ä', 'k'.repeat(129)]) {
      expect(() => client.publish('news', 1, { key }), key).toThrow(/^bad key/);
    }
    expect(() => client.publish('news', () => {})).toThrow(/^bad data: no JSON$/);
    expect(world.clock.pending).toBe(0);
    expect(client.state.type).toBe('idle');
  });

  it('a channel more than the node allows is refused alone, with a code', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    for (let n = 1; n < 128; n++) world.subscribe(`row:${n}`);
    expect(() => world?.client.subscribe('row:128')).toThrow(
      expect.objectContaining({ name: 'FanfareError', code: 'too_many_channels', channel: 'row:128' }),
    );
    const { channels } = await socket.next('subscribe');
    expect(Object.keys(channels as object)).toHaveLength(127);
    world.subscribe('news');
  });

  it('the limit is the one that the node has announced', async () => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    socket.open();
    const { id } = await socket.next('connect');
    const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 2 };
    socket.send({ type: 'connected', id, connection: 'c', node: 'n1', user: null, heartbeatMs: 7_000, limits });
    world.subscribe('a');
    expect(() => world?.client.subscribe('b')).toThrow('at most 2 channels');
  });

  it('a subscribe that is refused as a whole is tried in halves: what is good goes on', async () => {
    world = new World();
    const names = ['a', 'b', 'c'];
    const [a, b, c] = names.map((name) => world?.subscribe(name));
    const socket = await world.network.sockets.next();
    await socket.accept();
    for (let bad = true; bad; ) {
      const command = await socket.next('subscribe');
      const asked = Object.keys(command.channels as object);
      bad = asked.includes('b');
      if (bad) socket.send({ type: 'error', id: command.id, code: 'bad_offset', message: 'no' });
      else {
        for (const channel of asked) {
          socket.send({ type: 'subscribed', id: command.id, channel, offset: offset(1), recovered: true } as never);
        }
      }
      bad = [a, c].some((one) => one?.subscription.state.type === 'pending');
    }
    while (b?.subscription.state.type === 'pending') {
      const command = await socket.next('subscribe');
      socket.send({ type: 'error', id: command.id, code: 'bad_offset', message: 'no' });
    }
    expect(b?.subscription.state).toEqual({ type: 'closed', code: 'bad_offset' });
    expect([a, c].map((one) => one?.subscription.state.type)).toEqual(['subscribed', 'subscribed']);
  });
});

describe('an error', () => {
  it('is a FanfareError with a code, and what was thrown underneath as its cause', async () => {
    world = new World({ transports: ['long-poll'] });
    world.network.discovery = (request) => request.fail();
    world.subscribe('news');
    await world.clock.advance(0);
    const [error] = world.errors;
    expect(error).toBeInstanceOf(FanfareError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'FanfareError', code: 'network', cause: expect.any(TypeError) });
  });

  it('has a code also where nothing was thrown that is one', async () => {
    world = new World({ fetch: () => Promise.reject(undefined) });
    world.subscribe('news');
    await world.clock.advance(0);
    expect(world.errors).toMatchObject([
      { name: 'FanfareError', code: 'network', message: 'http://discovery.test/v1/connect: undefined' },
    ]);
  });

  it('is told also when a link asks again by itself', async () => {
    world = new World({ transports: ['long-poll'] });
    world.subscribe('news', { after: offset(1) });
    (await world.network.request('/v1/poll')).answer(204);
    (await world.network.request('/v1/poll')).refuse(429, 'rate_limited', { retryAfterMs: 3_000 });
    await world.clock.advance(0);
    expect(world.errors).toMatchObject([{ code: 'rate_limited', retryAfterMs: 3_000 }]);
    expect(world.client.state.type).toBe('connected');
  });

  it('of an aborted publish has the signal’s reason as its cause', async () => {
    world = new World();
    const reason = new Error('the user left');
    await expect(world.client.publish('news', 1, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'aborted',
      cause: reason,
    });
  });

  it.each(['bad_request', 'body_not_json', 'not_found', 'unsupported_media_type'])(
    'of a proxy in between that mangles requests, such as `%s`, closes nobody',
    async (code) => {
      world = new World();
      world.network.discovery = (request) => request.refuse(400, code);
      world.subscribe('news');
      await world.clock.advance(30_000);
      expect(world.client.state).toMatchObject({ type: 'waiting', cause: code });
      world.network.discovery = (request) => request.answer(200, assignment());
      await world.clock.advance(20_000);
      await (await world.network.sockets.next()).accept();
    },
  );

  it('of a newer node that nobody knows is tried again', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const more = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'more', code: 'busy', message: 'in a moment' } as never);
    expect(more.subscription.state.type).toBe('pending');
    await world.clock.advance(2_000);
    await socket.next('subscribe');
  });
});

describe('a client that is closed', () => {
  it('in whichever moment of its connecting, leaves nothing open', async () => {
    for (let depth = 0; depth < 40; depth++) {
      world = new World();
      world.subscribe('news');
      for (let n = 0; n < depth; n++) await Promise.resolve();
      world.client.close();
      await world.clock.advance(0);
      expect(
        world.network.sockets.takeAll().filter(({ closedByClient }) => !closedByClient),
        `after ${depth} microtasks`,
      ).toEqual([]);
      expect(world.clock.pending).toBe(0);
    }
  });

  it('rejects a publish that nobody awaits without ending the process', async () => {
    const seen: unknown[] = [];
    const note = (reason: unknown) => seen.push(reason);
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', note);
    world = new World();
    void world.client.publish('news', 1);
    const awaited = world.client.publish('news', 2);
    world.client.close();
    await expect(awaited).rejects.toMatchObject({ code: 'closed' });
    await world.clock.advance(0);
    process.off('unhandledRejection', note);
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(seen).toEqual([]);
  });
});

describe('commands that a node refuses for now', () => {
  it.each(['quiet', 'refresh'])('are repeated, and the link stays: %s', async (type) => {
    world = new World();
    world.subscribe('news');
    const socket = await world.network.sockets.next();
    if (type === 'quiet') Object.assign(globalThis, { document: { hidden: true } });
    await socket.accept(7_000, ['quiet']);
    await resume(socket, 1);
    if (type === 'refresh') {
      for (let n = 0; n < 500; n++) {
        socket.send({ type: 'heartbeat' });
        await world.clock.advance(6_000);
        for (const request of world.network.waiting('/v1/ticket').slice(0, 1)) {
          await world.network.request('/v1/ticket');
          request.answer(200, { ticket: 't2', expiresInMs: 3_600_000 });
        }
        if (socket.commands.waiting.length > 0) break;
      }
    }
    const { id } = await socket.next(type);
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 500 });
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(2_000);
    await socket.next(type);
    expect(world.client.state.type).toBe('connected');
    Reflect.deleteProperty(globalThis, 'document');
  });
});
