// Listeners that act on the client while it tells them something, and those that are to be gone.

import { afterEach, describe, expect, it } from 'vitest';
import { assembleClient } from '../../../client-sdk/client.js';
import type { ConnectionOwner } from '../../../client-sdk/connection.js';
import { mergeOptions } from '../../../client-sdk/settings.js';
import { createTimers } from '../../../client-sdk/timers.js';
import { createHttpLink, type Question } from '../../../client-sdk/transports/http-link.js';
import { FakeClock } from './fakes/fake-clock.js';
import { resume, subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World | undefined;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
  world = undefined;
});

describe('a listener', () => {
  it('of a channel that closes the client while that begins to wait has the last word', async () => {
    world = new World();
    const { client, clock, states, network } = world;
    const { news, socket } = await subscribeToNews(world);
    news.subscription.on('state', ({ type }) => type === 'pending' && client.close());
    socket.close();
    await clock.advance(60_000);
    expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
    expect(states.map(({ type }) => type)).toEqual(['connecting', 'connected', 'closed']);
    expect(network.sockets.waiting).toEqual([]);
  });

  it('that closes the client at a state leaves others without that state behind the end', async () => {
    world = new World({ transports: ['websocket'] });
    const { client, clock } = world;
    client.on('state', ({ type }) => type === 'waiting' && client.close());
    const heard: string[] = [];
    client.on('state', ({ type }) => heard.push(type));
    const { socket } = await subscribeToNews(world);
    socket.close();
    await clock.advance(0);
    expect(heard).toEqual(['connecting', 'connected', 'closed']);
  });

  it('of a channel that ends it at a state leaves others without that state behind the end', async () => {
    world = new World({ transports: ['websocket'] });
    const subscription = world.client.subscribe('news');
    subscription.on('state', ({ type }) => type === 'subscribed' && subscription.unsubscribe());
    const heard: string[] = [];
    subscription.on('state', ({ type }) => heard.push(type));
    const socket = await world.network.sockets.next();
    await socket.accept();
    await resume(socket, 1);
    expect(heard).toEqual(['closed']);
  });

  it('of errors that closes the client at a refusal by HTTP leaves no link behind, and nothing that looks for a better one', async () => {
    world = new World();
    const { client, clock, network } = world;
    client.on('error', () => client.close());
    client.subscribe('news');
    await clock.advance(4_000);
    (await network.request('/v1/stream')).refuse(403, 'forbidden_channel');
    await clock.advance(0);
    expect([client.state.type, clock.pending]).toEqual(['closed', 0]);
    await network.sockets.next();
    await clock.advance(15 * 60_000);
    expect(network.sockets.waiting).toEqual([]);
  });

  it('of errors that closes the client at a limit by HTTP leaves no timer behind', async () => {
    world = new World({ transports: ['long-poll'] });
    const { client, clock, network } = world;
    client.on('error', () => client.close());
    client.subscribe('news');
    (await network.request('/v1/poll')).refuse(429, 'rate_limited');
    await clock.advance(0);
    expect([client.state.type, clock.pending]).toEqual(['closed', 0]);
  });

  it('of errors that closes the client and opens it again is not closed by what it was told', async () => {
    world = new World({ transports: ['websocket'] });
    const { client, clock, states, network } = world;
    const undo = client.on('error', () => {
      undo();
      client.close();
      client.connect();
    });
    const { socket } = await subscribeToNews(world);
    socket.close(4503, 'revoked: gone');
    await clock.advance(0);
    await (await network.sockets.next()).accept();
    expect(states.map(({ type }) => type)).toEqual(['connecting', 'connected', 'closed', 'connecting', 'connected']);
  });

  it.each(['connecting', 'connected', 'waiting'])(
    'that closes the client at `%s` leaves nothing open',
    async (when) => {
      world = new World({ transports: ['websocket'] });
      const { client, clock, network, states } = world;
      client.on('state', ({ type }) => type === when && client.close());
      client.subscribe('news');
      await clock.advance(0);
      if (when !== 'connecting') {
        const socket = await network.sockets.next();
        await socket.accept();
        if (when === 'waiting') socket.close();
        else expect(socket.closedByClient).toBe(true);
      }
      await clock.advance(0);
      expect(states.at(-1)).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
      expect(client.state.type).toBe('closed');
      expect(clock.pending).toBe(0);
      expect(network.sockets.waiting).toEqual([]);
    },
  );
});

it('whoever has waited for `ready` listens no more afterwards', async () => {
  const clock = new FakeClock();
  let owner: ConnectionOwner | undefined;
  let looks = 0;
  const client = assembleClient(
    mergeOptions({ url: 'http://discovery.test', clock }),
    ['sse'],
    () => {
      throw new Error('no link is opened here');
    },
    (_settings, _openLink, mine) => {
      owner = mine;
      const given = {
        user: 'u1',
        get connection() {
          looks++;
          return 'c-s';
        },
      };
      const ignore = () => {};
      return {
        maxChannels: 1,
        given: given as never,
        connect: ignore,
        sync: ignore,
        publish: () => false,
        history: async () => undefined,
        close: ignore,
      };
    },
  );
  const ready = [client.ready(), client.ready()];
  owner?.state({ type: 'connected', transport: 'sse', node: 'n1' });
  expect(await Promise.all(ready)).toMatchObject([{ id: 'c-s' }, { id: 'c-s' }]);
  const before = looks;
  owner?.state({ type: 'connected', transport: 'sse', node: 'n2' });
  expect(looks).toBe(before);
});

it('what is closed before it was opened says so, and nothing else', async () => {
  const { client, clock, states, errors, network } = new World();
  client.close();
  await clock.advance(1_000);
  expect(states).toEqual([{ type: 'closed', code: 1000, reason: 'closed' }]);
  expect(errors).toEqual([]);
  await expect(client.ready()).rejects.toMatchObject({ code: 'closed', message: 'the client is closed: closed' });
  await expect(client.history('news')).rejects.toMatchObject({ code: 'closed' });
  await expect(client.publish('news', 1)).rejects.toMatchObject({ code: 'closed' });
  expect(() => client.subscribe('news')).toThrow('the client is closed: closed');
  client.connect();
  client.close();
  client.close();
  await clock.advance(1_000);
  expect(states.map(({ type }) => type)).toEqual(['closed', 'connecting', 'closed']);
  expect(network.sockets.waiting).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('timers give back to the host what runs, once, and nothing that is over', async () => {
  const clock = new FakeClock();
  const cleared: unknown[] = [];
  const clearTimeout = (timer: never) => {
    if (timer !== undefined) cleared.push(timer);
    clock.clearTimeout(timer);
  };
  const timers = createTimers({ ...clock, setTimeout: clock.setTimeout, clearTimeout } as never);
  const fired: string[] = [];
  const [first, second, third] = ['first', 'second', 'third'].map((name) => () => void fired.push(name)) as [
    () => void,
    () => void,
    () => void,
  ];
  timers.set(first, 10);
  timers.set(second, 20);
  timers.set(third, 30);
  timers.delete(second);
  expect(cleared).toHaveLength(1);
  await clock.advance(10);
  timers.delete(first);
  timers.clear();
  timers.clear();
  expect(cleared).toHaveLength(2);
  await clock.advance(100);
  expect(fired).toEqual(['first']);
});

it('a link by HTTP that is closed is silent, whatever still comes', async () => {
  const clock = new FakeClock();
  const heard: string[] = [];
  const hear = (what: string) => () => void heard.push(what);
  let question: Question | undefined;
  const news = { name: 'news', position: 'now' as const };
  const link = createHttpLink(
    {
      ...mergeOptions({ url: 'http://discovery.test', clock, fetch: () => new Promise(() => {}) }),
      ...{ url: 'http://n1.test', order: 1, session: { ticket: 't1' } as never, channels: new Map([['news', news]]) },
      ...{
        connected: hear('connected'),
        touch: hear('touch'),
        refuse: hear('refuse'),
        failed: hear('error'),
        lost: hear('lost'),
      },
      receive: ({ type }) => void heard.push(type),
    },
    'sse',
    7_000,
    (asked) => {
      question = asked;
      void asked.post('/v1/stream');
      return new Promise(() => {});
    },
  );
  question?.take({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as never);
  expect(heard).toEqual(['connected', 'subscribed']);
  link.close();
  question?.take({ type: 'connected', node: 'n1', heartbeatMs: 7_000 } as never);
  question?.take({ type: 'message', channel: 'news', offset: offset(2), data: 2 } as never);
  expect(heard).toEqual(['connected', 'subscribed']);
  expect(clock.pending).toBe(0);
});
