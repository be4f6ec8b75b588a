// The small client that only reads, and time, listeners that act, and sources of tokens: the kinds of fault that a connection can have.

import { describe, expect, it } from 'vitest';
import type { TokenContext } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { accept, client, clock, connect, endsAll, network, settle, states } from './fakes/reading-client.js';
import { assignment, jwt, offset } from './fakes/world.js';

endsAll();

describe('a stream', () => {
  it('is given as long a silence as its node says, and the next node as long as it says', async () => {
    connect();
    client.subscribe('news');
    const stream = await accept({ heartbeatMs: 25_000 });
    await clock.advance(28_749);
    expect(stream.aborted).toBe(false);
    await clock.advance(1);
    expect(stream.aborted).toBe(true);
    await clock.advance(250);
    const next = await network.request('/v1/stream');
    await clock.advance(10_749);
    expect(next.aborted).toBe(false);
    await clock.advance(1);
    expect(next.aborted).toBe(true);
  });

  it('of which a proxy hands on a byte now and then is silent', async () => {
    connect();
    client.subscribe('news');
    const stream = await accept();
    for (let n = 0; n < 10; n++) {
      await clock.advance(1_000);
      stream.write('data: {"type'[n] as string);
    }
    await clock.advance(750);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
  });

  it('that ends as soon as it has begun is tried again less and less often, and one that has lasted at once', async () => {
    connect();
    client.subscribe('news');
    const delays: unknown[] = [];
    for (const lastsMs of [0, 0, 0, 4_999, 5_000]) {
      const stream = await accept();
      await clock.advance(lastsMs);
      stream.end();
      await settle();
      const delayMs = (client.state as { retryInMs?: number }).retryInMs ?? 0;
      delays.push(delayMs);
      await clock.advance(delayMs);
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 250]);
  });

  it('is asked of another node after one that was lost, until one has lasted', async () => {
    connect();
    const excluded: unknown[] = [];
    network.discovery = (request) => {
      excluded.push(request.body.exclude);
      request.answer(200, assignment());
    };
    client.subscribe('news');
    for (const lastsMs of [5_000, 0]) {
      const stream = await accept();
      await clock.advance(lastsMs);
      stream.cut();
      await clock.advance(500);
    }
    const stream = await accept();
    await clock.advance(5_000);
    stream.event({ type: 'close', code: 4000, reason: 'draining' } as never);
    await clock.advance(500);
    // Nor is anything more heard of it.
    expect(stream.aborted).toBe(true);
    await accept();
    expect(excluded).toEqual([[], ['n1'], ['n1'], []]);
  });

  it('is tried each 20 s whatever a proxy says, and no sooner than a node says', async () => {
    connect({ random: () => 0.999_999 });
    network.discovery = undefined;
    client.subscribe('news');
    for (let n = 0; n < 8; n++) {
      const request = await network.request('/v1/connect');
      request.answer(503, 'no', { 'Retry-After': '60' });
      await settle();
      await clock.advance((client.state as { retryInMs?: number }).retryInMs ?? 0);
    }
    (await network.request('/v1/connect')).answer(503, 'no', { 'Retry-After': '60' });
    await settle();
    expect(client.state).toEqual({ type: 'waiting', retryInMs: 20_000, cause: 'http_503' });
    await clock.advance(20_000);
    (await network.request('/v1/connect')).refuse(503, 'overloaded', { retryAfterMs: 120_000 });
    await settle();
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'overloaded' });
    expect((client.state as { retryInMs?: number }).retryInMs).toBeGreaterThanOrEqual(120_000);
  });
});

describe('without channels', () => {
  it('it is idle, and a subscription opens a stream again: also one that comes while it was to wait', async () => {
    connect();
    expect(client.state).toEqual({ type: 'idle' });
    const types = states();
    const news = client.subscribe('news');
    const stream = await accept();
    stream.cut();
    await settle();
    news.unsubscribe();
    await clock.advance(60_000);
    client.subscribe('more');
    const next = await accept();
    expect(next.body.channels).toEqual({ more: 'now' });
    expect(types).toEqual(['connecting', 'connected', 'waiting', 'idle', 'connecting', 'connected']);
  });

  it('it says that it is not connected any more', async () => {
    connect();
    const news = client.subscribe('news');
    const stream = await accept();
    news.unsubscribe();
    await settle();
    expect(stream.aborted).toBe(true);
    expect(client.state).toEqual({ type: 'idle' });
    expect(clock.pending).toBe(0);
  });
});

describe('a listener', () => {
  it.each(['connecting', 'connected', 'waiting'])(
    'that closes the client at `%s` leaves nothing open',
    async (when) => {
      connect();
      const types = states();
      client.on('state', ({ type }) => type === when && client.close());
      client.subscribe('news');
      await settle();
      if (when !== 'connecting') (await accept()).end();
      await settle();
      expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
      expect(types.at(-1)).toBe('closed');
      expect(clock.pending).toBe(0);
      expect(network.waiting('/v1/stream')).toEqual([]);
    },
  );

  it('of a channel that closes the client while that begins to wait has the last word', async () => {
    connect();
    const types = states();
    const news = client.subscribe('news');
    const stream = await accept();
    stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
    await settle();
    news.on('state', ({ type }) => type === 'pending' && client.close());
    stream.end();
    await settle();
    expect(client.state.type).toBe('closed');
    expect(types).toEqual(['connecting', 'connected', 'closed']);
  });

  it('of a channel may end another one while the client closes', async () => {
    connect();
    const types = states();
    const news = client.subscribe('news');
    const more = client.subscribe('more');
    await accept();
    news.on('state', ({ type }) => type === 'closed' && more.unsubscribe());
    client.close();
    const ends = ['closed', 'unsubscribed'].map((code) => ({ type: 'closed', code }));
    expect([news.state, more.state]).toEqual(ends);
    expect(types.at(-1)).toBe('closed');
  });

  it('that begins anew when it is closed keeps what it subscribes to then', async () => {
    connect();
    client.subscribe('news');
    await accept();
    let again: ReturnType<typeof client.subscribe> | undefined;
    const undo = client.on('state', ({ type }) => {
      if (type !== 'closed') return;
      undo();
      client.connect();
      again = client.subscribe('news', { after: offset(7) });
    });
    client.close();
    const stream = await accept();
    expect(stream.body.channels).toEqual({ news: offset(7) });
    expect(again?.state).toEqual({ type: 'pending' });
    expect(client.state.type).toBe('connected');
  });
});

describe('a function for tokens', () => {
  it('is told that the last one was refused, until one is taken', async () => {
    const reasons: string[] = [];
    connect({
      token({ reason }) {
        reasons.push(reason);
        return jwt(reasons.length);
      },
    });
    const answers = [401, 503, 200];
    network.discovery = (request) => {
      const status = answers.shift() ?? 200;
      if (status === 401) request.refuse(401, 'token_expired');
      else request.answer(status, status === 200 ? assignment() : 'no');
    };
    client.subscribe('news');
    await clock.advance(2_000);
    const stream = await accept();
    stream.end();
    await clock.advance(2_000);
    await accept();
    expect(reasons).toEqual(['connect', 'refused', 'refused', 'connect']);
  });

  it('that throws is a failure of the source, whatever it throws', async () => {
    const cause = Object.assign(new Error('no network'), { close: 4500 });
    connect({
      token: () => {
        throw cause;
      },
    });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.subscribe('news');
    await settle();
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'token' });
    expect(errors).toMatchObject([{ code: 'token', cause }]);
  });

  it('may take its time, is given up after a minute, and what it says then is not waited for', async () => {
    const calls: { readonly signal: TokenContext['signal']; answer(token: string): void }[] = [];
    connect({ token: ({ signal }) => new Promise((answer) => calls.push({ signal, answer })) });
    client.subscribe('news');
    await clock.advance(59_999);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([false]);
    await clock.advance(1);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
    await clock.advance(250);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    calls[0]?.answer(jwt());
    await settle();
    expect(network.waiting('/v1/stream')).toEqual([]);
    calls[1]?.answer(jwt());
    await accept();
    expect(client.state.type).toBe('connected');
  });

  it('is asked anew after a log-out, though discovery answered the one before in that moment', async () => {
    let calls = 0;
    connect({ token: () => jwt(++calls) });
    const asked: FakeRequest[] = [];
    network.discovery = (request) => asked.push(request);
    client.subscribe('news');
    await settle();
    asked[0]?.answer(200, assignment({ ticket: 'of the one before' }));
    // The answer is there, and is being read.
    await asked[0]?.response;
    client.close();
    await settle();
    client.connect();
    client.subscribe('news');
    await settle();
    expect(asked).toHaveLength(2);
    asked[1]?.answer(200, assignment({ ticket: 'mine' }));
    expect((await accept()).token).toBe('mine');
    expect(network.waiting('/v1/stream')).toEqual([]);
  });

  it('that answers after the client was closed opens nothing', async () => {
    let answer: (token: string) => void = () => {};
    connect({
      token: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const asked: FakeRequest[] = [];
    network.discovery = (request) => asked.push(request);
    client.subscribe('news');
    await settle();
    client.close();
    answer(jwt());
    await settle();
    expect(asked).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
