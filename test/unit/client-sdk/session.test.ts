// What discovery gives: who is asked, what of an answer is taken, and what carries a client on while there is none.

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ResponseLike } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { assignment, jwt, NODE, OTHER, World } from './fakes/world.js';

const THIRD = { id: 'n3', url: 'http://n3.test' };

let world: World;
afterEach(() => world.end());
const settle = () => world.clock.advance(0);

/** The link lives until its ticket is to be renewed; returns the request. */
async function untilRenewal(socket: { send(event: object): void }): Promise<FakeRequest> {
  for (let n = 0; n < 400 && !world.network.waiting('/v1/ticket')[0]; n++) {
    socket.send({ type: 'heartbeat' });
    await world.clock.advance(9_000);
  }
  return world.network.request('/v1/ticket');
}

describe('a question that was given up', () => {
  it('is not asked once its token comes: only the one that waits now', async () => {
    let answer: (token: string) => void = () => {};
    world = new World({ token: () => new Promise((resolve) => (answer = resolve)) });
    world.network.discovery = undefined;
    world.subscribe('news');
    await world.clock.advance(25_000);
    answer(jwt());
    await settle();
    expect(world.network.waiting('/v1/connect').map(({ token }) => token)).toEqual([jwt()]);
  });

  it('is not answered either, whatever a `fetch` that cannot be stopped brings in the end', async () => {
    const answers: ((response: ResponseLike) => void)[] = [];
    world = new World({
      fetch: (url, init) =>
        url.endsWith('/connect') ? new Promise((resolve) => answers.push(resolve)) : world.network.fetch(url, init),
    });
    const give = (n: number, ticket: string, node: object) =>
      answers[n]?.(new Response(JSON.stringify(assignment({ ticket, node })), { status: 200 }) as never);
    world.subscribe('news');
    await world.clock.advance(10_250);
    expect(answers).toHaveLength(2);
    give(1, 'fresh', OTHER);
    await settle();
    give(0, 'late', NODE);
    const socket = await world.network.sockets.next();
    expect([socket.url, (await socket.accept()).token]).toEqual(['ws://n2.test/v1/ws', 'fresh']);
    void world.client.history('news').catch(() => {});
    const poll = await world.network.request('/v1/poll');
    expect([poll.url, poll.token]).toEqual(['http://n2.test/v1/poll', 'fresh']);
  });

  it('for a fresh ticket, since another node is asked for, is no failure', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const renewal = await untilRenewal(socket);
    world.network.discovery = undefined;
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' });
    const connect = await world.network.request('/v1/connect');
    expect([renewal.aborted, connect.aborted]).toEqual([true, false]);
    await world.clock.advance(5_000);
    connect.answer(200, assignment({ node: OTHER, ticket: 't2' }));
    expect(await (await world.network.sockets.next()).accept()).toMatchObject({ token: 't2' });
    expect(world.errors).toEqual([]);
  });
});

it('discovery’s address may end with slashes', async () => {
  world = new World({ url: 'http://discovery.test/push//' });
  world.network.discovery = undefined;
  world.subscribe('news');
  expect((await world.network.request('/push/v1/connect')).url).toBe('http://discovery.test/push/v1/connect');
});

it('a server may say by a date when it is to be asked again', async () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  const now = vi.spyOn(Date, 'now').mockReturnValue(nowMs);
  world = new World();
  world.network.discovery = (request) =>
    request.refuse(503, 'no_capacity', {}, { 'Retry-After': new Date(nowMs + 30_000).toUTCString() });
  world.subscribe('news');
  await settle();
  now.mockRestore();
  expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 30_250 });
});

describe('a ticket', () => {
  it('is asked for with the reason `renew` once a token was taken, though one was refused before', async () => {
    const reasons: string[] = [];
    world = new World({
      token: ({ reason }) => {
        reasons.push(reason);
        return jwt(reasons.length);
      },
    });
    const { discovery } = world.network;
    world.network.discovery = (request) =>
      reasons.length < 2 ? request.refuse(401, 'token_expired') : discovery?.(request);
    world.subscribe('news');
    await world.clock.advance(500);
    const socket = await world.network.sockets.next();
    await socket.accept();
    const renewal = await untilRenewal(socket);
    expect(renewal.token).toBe(jwt(3));
    expect(renewal.body).toEqual({ session: expect.stringMatching(/^\d{22,64}$/) });
    expect(reasons).toEqual(['connect', 'refused', 'renew']);
  });

  it('that somebody in between answers with nothing is asked for again, and the failure is told', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    (await untilRenewal(socket)).answer(200, { ticket: '', expiresInMs: 60_000 });
    await settle();
    expect(world.errors).toMatchObject([
      { code: 'network', message: 'http://discovery.test/v1/ticket: not discovery' },
    ]);
    (await untilRenewal(socket)).answer(200, { ticket: 't2', expiresInMs: 0 });
    await settle();
    expect(world.errors).toHaveLength(2);
    (await untilRenewal(socket)).answer(200, { ticket: 't2', expiresInMs: 3_600_000 });
    expect(await socket.next('refresh')).toMatchObject({ token: 't2' });
  });

  it('that has ended, or that a node has refused, is not renewed: a node is asked for', async () => {
    world = new World();
    world.network.discovery = (request) => request.fail();
    world.subscribe('news');
    await world.clock.advance(20_000);
    expect(world.network.waiting('/v1/ticket')).toEqual([]);
    world.network.discovery = (request) => request.answer(200, assignment());
    for (let n = 0; n < 40 && !world.network.sockets.waiting[0]; n++) await world.clock.advance(500);
    const socket = await world.network.sockets.next();
    await socket.accept();
    world.network.discovery = (request) => request.fail();
    socket.close(4005, 'token_expired: over');
    await world.clock.advance(60_000);
    expect(world.network.waiting('/v1/ticket')).toEqual([]);
    expect(world.network.sockets.waiting).toEqual([]);
  });
});

describe('while a ticket is good', () => {
  it('nodes are tried one after the other where discovery is away, and each failure is told', async () => {
    world = new World({ transports: ['websocket'] });
    world.network.discovery = (request) => request.answer(200, assignment({ alternatives: [OTHER, THIRD] }));
    const { socket } = await subscribeToNews(world);
    world.network.discovery = (request) => request.fail();
    let last = socket;
    const urls: string[] = [];
    for (let n = 0; n < 4; n++) {
      last.close();
      await world.clock.advance(4_000);
      last = await world.network.sockets.next();
      await last.accept();
      urls.push(last.url.replace(/.*(n\d).*/, '$1'));
    }
    expect(urls).toEqual(['n2', 'n3', 'n1', 'n2']);
    expect(world.errors.map(({ code }) => code)).toEqual(Array(8).fill('network'));
  });

  it.each([undefined, null])(
    'the only node is tried again where discovery has named no other: %s',
    async (alternatives) => {
      world = new World();
      world.network.discovery = (request) => request.answer(200, assignment({ alternatives }));
      const { socket } = await subscribeToNews(world);
      world.network.discovery = (request) => request.fail();
      socket.close();
      await world.clock.advance(250);
      expect((await world.network.sockets.next()).url).toBe('ws://n1.test/v1/ws');
    },
  );

  it.each([
    ['a text', 'token', 0],
    ['what a function gives', () => jwt(), 1],
  ])('discovery’s refusal of a token that is %s is followed accordingly', async (_what, token, sockets) => {
    world = new World({ token });
    const { socket } = await subscribeToNews(world);
    world.network.discovery = (request) => request.refuse(401, 'token_expired');
    socket.close();
    await world.clock.advance(250);
    expect(world.network.sockets.waiting).toHaveLength(sockets);
    expect(world.errors.map(({ code }) => code)).toEqual(['network', 'token_expired']);
  });

  it('discovery’s word that it has no room is followed', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    world.network.discovery = (request) => request.refuse(503, 'no_capacity');
    socket.close();
    await world.clock.advance(10_000);
    expect(world.network.sockets.waiting).toEqual([]);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'no_capacity' });
  });
});
