// Who is let in again is who says so now: after a log-out, and where a listener opens what is just being closed.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import type { Client, Subscription } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';
import { assignment, jwt, World } from './fakes/world.js';

let world: World | undefined;
afterEach(async () => {
  await world?.end();
  world = undefined;
});

describe('a client that was closed', () => {
  it.each([
    ['the function for tokens fails', true],
    ['discovery cannot be reached', false],
  ])('is nobody any more: while %s, it is not connected as the user before', async (_what, isTokens) => {
    let isDown = false;
    const token = async () => {
      if (isDown && isTokens) throw new Error('503');
      return jwt();
    };
    world = new World({ token });
    world.network.discovery = (request) => (isDown ? request.fail() : request.answer(200, assignment()));
    const news = world.subscribe('news');
    await (await world.network.sockets.next()).accept();
    world.client.close();
    isDown = true;
    world.client.connect();
    expect(news.subscription.state.type).toBe('closed');
    world.client.subscribe('news');
    await world.clock.advance(1_000);
    expect(world.network.sockets.waiting).toHaveLength(0);
    expect(world.client.connection).toBeUndefined();
    isDown = false;
    await world.clock.advance(20_000);
    expect(world.network.sockets.waiting.length).toBeGreaterThan(0);
  });
});

describe('a client whose function gives a token of another user', () => {
  /** Of whom discovery says that they are. */
  let user = 'anna';
  const start = async () => {
    user = 'anna';
    world = new World({ token: async () => jwt() });
    const answer = () => assignment({ user, expiresInMs: 60_000 });
    world.network.discovery = (request) => request.answer(200, answer());
    const news = world.subscribe('news');
    const socket = await world.network.sockets.next();
    await socket.accept();
    return { news, socket, world };
  };

  it('is closed when the ticket is renewed, and keeps nothing of the one before', async () => {
    const { news, socket, world } = await start();
    user = 'bob';
    for (let s = 0; s < 49; s++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(1_000);
    }
    const published = expect(world.client.publish('chat', 'of anna')).rejects.toMatchObject({ code: 'user_changed' });
    (await world.network.request('/v1/ticket')).answer(200, { ticket: 't2', expiresInMs: 60_000, user });
    await world.clock.advance(0);
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'user_changed' });
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'user_changed' });
    expect(socket.closedByClient).toBe(true);
    await published;
    world.client.connect();
    await (await world.network.sockets.next()).accept();
    expect(world.client.connection?.user).toBe('bob');
  });

  it('is closed when it connects again', async () => {
    const { socket, world } = await start();
    user = 'bob';
    socket.close();
    await world.clock.advance(1_000);
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'user_changed' });
    expect(world.network.sockets.waiting).toHaveLength(0);
  });
});

/** A client that has subscribed to two channels, and what it is to hear of the second one. */
function subscribedToBoth() {
  const clock = new FakeClock();
  const server = createTestServer({ clock });
  const client: Client = createClient({ ...server.options });
  const heard: unknown[] = [];
  return { clock, server, client, heard, a: client.subscribe('a'), b: client.subscribe('b') };
}

describe('a listener that opens the client again while it is closed', () => {
  /** All channels subscribe to `b` anew once `a` has ended. */
  async function reopen(before: (b: Subscription) => void) {
    const { clock, server, client, heard, a, b } = subscribedToBoth();
    let next: Subscription | undefined;
    a.on('state', ({ type }) => {
      if (type !== 'closed') return;
      client.connect();
      before(b);
      next = client.subscribe('b', {}, ({ data }) => heard.push(data));
    });
    await clock.advance(0);
    client.close();
    await clock.advance(1_000);
    server.publish('b', 1);
    await clock.advance(1_000);
    const states = [b.state, next?.state.type];
    client.close();
    return { heard, states };
  }

  it('has what it subscribes to then, also where another subscription of that is about to end', async () => {
    const { heard, states } = await reopen(() => {});
    expect(states).toEqual([{ type: 'closed', code: 'closed' }, 'subscribed']);
    expect(heard).toEqual([1]);
  });

  it('has it where it has ended that one itself', async () => {
    const { heard, states } = await reopen((b) => b.unsubscribe());
    expect(states[1]).toBe('subscribed');
    expect(heard).toEqual([1]);
  });
});

it('a listener that subscribes anew while links are lost has one subscription, and hears', async () => {
  const { clock, server, client, heard, a, b } = subscribedToBoth();
  a.on('state', ({ type }) => {
    if (type !== 'pending') return;
    b.unsubscribe();
    client.subscribe('b', {}, ({ data }) => heard.push(data));
  });
  await clock.advance(0);
  server.cut();
  await clock.advance(5_000);
  server.publish('b', 1);
  await clock.advance(1_000);
  client.close();
  expect(heard).toEqual([1]);
});
