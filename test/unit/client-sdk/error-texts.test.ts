// What an error says beside its code: what has happened to what, in the server's words where there are any, and never a token.

import { afterEach, describe, expect, it } from 'vitest';
import { backoff } from '../../../client-sdk/backoff.js';
import { createClient as createReadingClient } from '../../../client-sdk/sse.js';
import type { FanfareError } from '../../../client-sdk/types.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { assignment, jwt, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);
const thrown = (promise: Promise<unknown>): Promise<FanfareError> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('a token that has expired within the tolerance of clocks', () => {
  it('is said to be that, and another is asked for', async () => {
    const reasons: string[] = [];
    world = new World({
      token: ({ reason }) => {
        reasons.push(reason);
        return jwt(reasons.length);
      },
    });
    world.network.discovery = (request) => request.answer(200, assignment({ expiresInMs: 0 }));
    world.subscribe('news');
    await settle();
    expect(world.errors[0]).toMatchObject({ code: 'token_expired' });
    world.network.discovery = (request) => request.answer(200, assignment());
    await world.clock.advance(5_000);
    expect(reasons.at(-1)).toBe('refused');
    expect(world.client.state.type).not.toBe('closed');
  });

  it('closes a client that has no other', async () => {
    world = new World();
    world.network.discovery = (request) => request.answer(200, assignment({ expiresInMs: 0 }));
    const { subscription } = world.subscribe('news');
    await world.clock.advance(2_000);
    expect(world.client.state).toMatchObject({ type: 'closed', reason: 'token_expired' });
    expect(subscription.state).toEqual({ type: 'closed', code: 'token_expired' });
  });
});

describe('an error', () => {
  it('names the URL that was asked, and chains what was thrown', async () => {
    world = new World({ transports: ['long-poll'] });
    world.network.discovery = (request) => request.fail();
    world.subscribe('news');
    await settle();
    expect(world.errors[0]).toMatchObject({
      code: 'network',
      message: 'http://discovery.test/v1/connect: TypeError: fetch failed',
      cause: expect.any(TypeError),
    });
    world.network.discovery = (request) => request.answer(200, '<html>a portal</html>');
    await world.clock.advance(2_000);
    expect(world.errors[1]).toMatchObject({ code: 'network', cause: expect.any(SyntaxError) });
    expect(world.errors[1]?.message).toMatch(/^http:\/\/discovery.test\/v1\/connect: SyntaxError/);
  });

  it('says what was waited for: the application’s function, or discovery', async () => {
    const slow = async (token: () => Promise<string>) => {
      world = new World({ token });
      world.network.discovery = undefined;
      world.subscribe('news');
      await world.clock.advance(10_000);
      return world.errors[0];
    };
    expect(await slow(() => new Promise(() => {}))).toMatchObject({ code: 'timeout', message: 'token: timeout' });
    world.client.close();
    const message = 'http://discovery.test/v1/connect: timeout';
    expect(await slow(async () => jwt())).toMatchObject({ code: 'timeout', message });
  });

  it('of a node names the node, however it is reached', async () => {
    world = new World({ transports: ['websocket'] });
    world.subscribe('news');
    (await world.network.sockets.next()).close(1006);
    expect(world.errors[0]).toMatchObject({ code: 'network', message: 'network: ws://n1.test/v1/ws' });
    world.client.close();
    world = new World({ transports: ['long-poll'] });
    world.subscribe('news');
    (await world.network.request('/v1/poll')).fail();
    await settle();
    expect(world.errors[0]?.message).toBe('http://n1.test: TypeError: fetch failed');
  });

  it('has the server’s words, and no token', async () => {
    world = new World({ token: 'head.secret.signature' });
    const detail = 'the signature does not verify';
    world.network.discovery = (request) => request.refuse(401, 'token_invalid', { detail });
    world.subscribe('news');
    await settle();
    expect(world.errors[0]).toMatchObject({ message: `http://discovery.test/v1/connect: ${detail}` });
    expect(String(world.errors[0]?.stack) + JSON.stringify(world.errors[0])).not.toContain('secret');
  });

  it('of a channel names it, once', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const refused = world.subscribe('secret');
    const next = refused.subscription[Symbol.asyncIterator]().next();
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'secret', code: 'forbidden_channel', message: 'not granted' } as never);
    expect(world.errors[0]).toMatchObject({ channel: 'secret', message: 'secret: not granted' });
    expect((await thrown(next)).message).toBe('secret: forbidden_channel');
    const published = thrown(world.client.publish('secret', 1));
    const command = await socket.next('publish');
    socket.send({
      type: 'error',
      id: command.id,
      channel: 'secret',
      code: 'forbidden',
      message: 'secret is not yours',
    } as never);
    expect((await published).message).toBe('secret is not yours');
  });

  it('of the reading client names what was asked', async () => {
    world = new World();
    const errors: FanfareError[] = [];
    const client = createReadingClient({
      url: 'http://discovery.test',
      clock: world.clock,
      fetch: () => Promise.reject(new TypeError('fetch failed')),
    });
    client.on('error', (error) => errors.push(error));
    client.subscribe('news');
    await settle();
    client.close();
    expect(errors).toMatchObject([{ code: 'network', message: 'http://discovery.test: TypeError: fetch failed' }]);
  });
});

it('a publish that was refused for now until its time was over says by what', async () => {
  world = new World();
  const { socket } = await subscribeToNews(world);
  const published = thrown(world.client.publish('orders', 1));
  for (let n = 0; n < 40; n++) {
    for (const { id, type } of socket.commands.takeAll()) {
      if (type !== 'publish') continue;
      socket.send({ type: 'error', id, code: 'overloaded', message: 'full', retryAfterMs: 900 });
    }
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(1_000);
  }
  expect(await published).toMatchObject({
    code: 'timeout',
    channel: 'orders',
    message: 'orders: timeout, FanfareError: full',
    cause: { code: 'overloaded' },
  });
});

it('a delay is whole milliseconds', () => {
  world = new World();
  for (const random of [0.1234567, 0.9999, 1 / 3])
    for (const retryAfterMs of [undefined, 12.5])
      expect(Number.isInteger(backoff(3, random, { retryAfterMs }))).toBe(true);
});
