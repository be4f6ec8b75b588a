// Where the token comes from: a function that fails is asked again, one that hangs takes nothing away, and `null` ends the client.

import { afterEach, describe, expect, it } from 'vitest';
import type { TokenContext } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { assignment, jwt, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

/** The socket that is opened within 20 s. */
async function nextSocket() {
  for (let n = 0; n < 40 && world.network.sockets.waiting.length === 0; n++) await world.clock.advance(500);
  return world.network.sockets.next();
}

/** A world whose discovery takes real tokens only. */
function demanding(token: (context: TokenContext) => unknown): World {
  world = new World({ token: token as never });
  world.network.discovery = (request) => {
    if (request.token?.startsWith('head.')) request.answer(200, assignment());
    else request.refuse(401, request.token ? 'token_malformed' : 'token_missing');
  };
  return world;
}

describe('a function for tokens', () => {
  it.each([
    ['a page of a proxy', () => '<html>502 Bad Gateway</html>'],
    ['one line of text', () => 'Bad Gateway'],
    ['an empty text', () => ''],
    ['nothing', () => undefined],
    ['an object', () => ({ token: jwt() })],
    [
      'a rejection',
      () => {
        throw new Error('offline');
      },
    ],
  ])('that gives %s is asked again, and the client is never closed nor anonymous', async (_what, broken) => {
    let calls = 0;
    let isWell = false;
    demanding(() => {
      calls++;
      return isWell ? jwt() : broken();
    });
    const tokens: unknown[] = [];
    const { discovery } = world.network;
    world.network.discovery = (request) => {
      tokens.push(request.token);
      discovery?.(request);
    };
    const { subscription } = world.subscribe('news');
    await world.clock.advance(60_000);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'token' });
    expect(calls).toBeGreaterThan(4);
    expect(calls).toBeLessThan(20);
    expect(tokens).toEqual([]);
    isWell = true;
    await (await nextSocket()).accept();
    expect(world.client.state.type).toBe('connected');
    expect(subscription.state.type).not.toBe('closed');
    expect(world.errors[0]).toMatchObject({ name: 'FanfareError', code: 'token' });
  });

  it('chains what it threw', async () => {
    const cause = new Error('no session');
    demanding(() => Promise.reject(cause));
    world.subscribe('news');
    await settle();
    expect(world.errors).toMatchObject([{ code: 'token', cause }]);
  });

  it('whose token discovery refuses is asked for another, for as long as it takes, and is told why', async () => {
    const reasons: string[] = [];
    let isWell = false;
    world = new World({
      token: ({ reason }) => {
        reasons.push(reason);
        return jwt();
      },
    });
    world.network.discovery = (request) =>
      isWell ? request.answer(200, assignment()) : request.refuse(401, 'token_expired');
    world.subscribe('news');
    await world.clock.advance(60_000);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
    expect(reasons.length).toBeLessThan(20);
    isWell = true;
    await (await nextSocket()).accept();
    expect(world.client.state.type).toBe('connected');
    expect([...new Set(reasons)]).toEqual(['connect', 'refused']);
    expect(reasons.filter((reason) => reason === 'connect')).toHaveLength(1);
  });

  it('that says `null` closes the client, and is not asked again', async () => {
    let calls = 0;
    demanding(() => {
      calls++;
      return null;
    });
    const { subscription } = world.subscribe('news');
    await world.clock.advance(60_000);
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect(subscription.state).toEqual({ type: 'closed', code: 'logged_out' });
    expect(calls).toBe(1);
  });

  it('that says `null` while a link that works is replaced closes the client too', async () => {
    let isIn = true;
    demanding(() => (isIn ? jwt() : null));
    const { socket } = await subscribeToNews(world);
    isIn = false;
    socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' } as never);
    await settle();
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
  });

  it('that says `null` when the ticket is renewed closes the client too', async () => {
    let isIn = true;
    demanding(() => (isIn ? jwt() : null));
    const { socket } = await subscribeToNews(world);
    isIn = false;
    for (let n = 0; n < 200; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(18_000);
    }
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect(socket.closedByClient).toBe(true);
  });

  it('that hangs takes nothing from a ticket that is good', async () => {
    let calls = 0;
    let hangs = false;
    const signals: TokenContext['signal'][] = [];
    demanding(({ signal }) => {
      calls++;
      signals.push(signal);
      return hangs ? new Promise(() => {}) : jwt();
    });
    const { socket } = await subscribeToNews(world);
    hangs = true;
    socket.close();
    await world.clock.advance(11_000);
    const next = await world.network.sockets.next();
    expect(await next.accept()).toMatchObject({ token: 't1' });
    expect(world.client.state.type).toBe('connected');
    expect(calls).toBe(2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    world.client.close();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });

  it('is asked once at a time, and what comes late is used', async () => {
    let calls = 0;
    let answer: (token: string) => void = () => {};
    demanding(() => {
      calls++;
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    });
    world.subscribe('news');
    await world.clock.advance(40_000);
    expect(calls).toBe(1);
    answer(jwt());
    await (await nextSocket()).accept();
    expect(world.client.state.type).toBe('connected');
    expect(calls).toBe(1);
  });

  it('that has not answered for a minute is given up and asked anew', async () => {
    const signals: TokenContext['signal'][] = [];
    demanding(({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    world.subscribe('news');
    await world.clock.advance(59_999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await world.clock.advance(30_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(world.client.state.type).not.toBe('closed');
  });
});

describe('a token that is refused', () => {
  it('closes the client when it was a text, once another ticket was tried', async () => {
    world = new World({ token: 'token' });
    let asked = 0;
    world.network.discovery = (request: FakeRequest) => {
      asked++;
      request.refuse(401, 'token_expired');
    };
    world.subscribe('news');
    await world.clock.advance(60_000);
    expect(asked).toBe(2);
    expect(world.client.state).toEqual({ type: 'closed', code: 4501, reason: 'token_expired' });
  });

  it('closes the client at once when it was revoked', async () => {
    world = new World({ token: () => jwt() });
    world.network.discovery = (request) => request.refuse(401, 'revoked');
    world.subscribe('news');
    await world.clock.advance(1_000);
    expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
  });

  it('by one node is tried at the others before the client gives up', async () => {
    world = new World();
    world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    first.close(4501, 'token_signature_invalid: no');
    world.network.discovery = (request) =>
      request.answer(200, assignment({ node: { id: 'n2', url: 'http://n2.test' } }));
    await world.clock.advance(250);
    const second = await world.network.sockets.next();
    second.open();
    second.close(4501, 'token_signature_invalid: no');
    expect(world.client.state.type).toBe('waiting');
    world.network.discovery = (request) =>
      request.answer(200, assignment({ node: { id: 'n3', url: 'http://n3.test' } }));
    await world.clock.advance(1_000);
    await (await world.network.sockets.next()).accept();
    expect(world.client.state.type).toBe('connected');
  });

  it('is never used again as if it were good when discovery is away', async () => {
    const first = new World();
    world = first;
    const { socket } = await subscribeToNews(world);
    world.network.discovery = (request) => request.fail();
    socket.close(4501, 'token_signature_invalid: no');
    await world.clock.advance(5_000);
    expect(world.network.sockets.waiting).toEqual([]);
    expect(world.client.state.type).not.toBe('connected');
  });
});

it('`connect` opens a client again that was closed, with what is asked of it then', async () => {
  let isIn = false;
  demanding(() => (isIn ? jwt(2) : null));
  world.subscribe('news');
  await settle();
  expect(world.client.state.type).toBe('closed');
  expect(() => world.client.subscribe('news')).toThrow('closed');
  isIn = true;
  world.client.connect();
  const { news, socket } = await subscribeToNews(world);
  socket.send({ type: 'message', channel: 'news', data: 'hi' });
  expect(news.data).toEqual(['hi']);
  expect(world.stateTypes).toEqual(['connecting', 'closed', 'connecting', 'connected']);
});
