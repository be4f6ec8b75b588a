// The small client that only reads: it loses, repeats and hides nothing, whatever happens, and ends what it is to end.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient, type SseClient } from '../../../client-sdk/sse.js';
import { createFetch } from '../../../client-sdk/testing/fetch.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import { Server } from '../../../client-sdk/testing/server.js';
import type { TokenContext } from '../../../client-sdk/types.js';
import { Random } from '../../support/random.js';
import { FakeClock } from './fakes/fake-clock.js';
import { FakeNetwork } from './fakes/fake-network.js';
import { assignment, jwt, offset } from './fakes/world.js';

const RUNS = 200;
const LATENCY_MS = 80;
let client: SseClient;
let clock: FakeClock;
afterEach(async () => {
  client.close();
  await clock.advance(0);
  expect(clock.pending).toBe(0);
});

/** A client of a network whose other end is the test. */
function connect(options: Partial<Parameters<typeof createClient>[0]> = {}) {
  clock = new FakeClock();
  const network = new FakeNetwork();
  network.discovery = (request) => request.answer(200, assignment());
  const { fetch } = network;
  client = createClient({ url: 'http://discovery.test/', fetch, clock, random: () => 0.5, ...options });
  return network;
}

describe('the reading client', () => {
  it('reads several channels over one stream, each from where it is asked, and goes on after a loss', async () => {
    const network = connect({ token: jwt() });
    const data: unknown[] = [];
    const news = client.subscribe('news', { last: 2 }, ({ data: n, isOwn, time }) => data.push([n, isOwn, !!time]));
    client.subscribe('more', { after: '-1' });
    const states: string[] = [];
    client.on('state', ({ type }) => states.push(type));
    news.on('state', ({ type }) => states.push(`news ${type}`));
    const stream = await network.request('/v1/stream');
    expect(stream.token).toBe('t1');
    expect(stream.body).toEqual({ channels: { news: { last: 2 }, more: '-1' }, features: ['positions'] });
    stream.stream();
    stream.event({ type: 'connected', node: 'n1' } as never);
    stream.event({ type: 'subscribed', channel: 'news', offset: offset(3), recovered: true });
    stream.event({ type: 'message', channel: 'news', offset: offset(4), data: 4 });
    await clock.advance(0);
    expect(client.state).toEqual({ type: 'connected', transport: 'sse', node: 'n1' });
    expect(data).toEqual([[4, false, true]]);
    stream.end();
    await clock.advance(0);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'network' });
    await clock.advance(500);
    const next = await network.request('/v1/stream');
    expect(next.body.channels).toEqual({ news: offset(4), more: '-1' });
    expect(news.offset).toBe(offset(4));
    for (const one of [next, undefined]) {
      if (!one) client.subscribe('third');
      const stream = one ?? (await network.request('/v1/stream'));
      stream.stream();
      stream.event({ type: 'connected', node: 'n1' } as never);
      stream.event({ type: 'subscribed', channel: 'news', offset: offset(one ? 4 : 5), recovered: true });
      stream.event({ type: 'message', channel: 'news', offset: offset(4), data: 'again' });
      stream.event({ type: 'message', channel: 'news', offset: offset(5), data: 5 });
      await clock.advance(0);
    }
    expect(data).toHaveLength(2);
    const [once, lost] = [
      ['connected', 'news subscribed'],
      ['news pending', 'waiting'],
    ];
    expect(states).toEqual(['connecting', ...once, ...lost, 'connecting', ...once]);
  });

  it('gives a stream up that is silent', async () => {
    const network = connect();
    client.subscribe('news');
    const stream = await network.request('/v1/stream');
    stream.stream();
    stream.write(': still there\n\n');
    await clock.advance(10_749);
    expect(stream.aborted).toBe(false);
    await clock.advance(1);
    expect(stream.aborted).toBe(true);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
  });

  it('ends what is refused, and keeps the others', async () => {
    const network = connect();
    const secret = client.subscribe('secret');
    const news = client.subscribe('news');
    (await network.request('/v1/stream')).refuse(403, 'forbidden_channel', { channels: ['secret'] });
    const stream = await network.request('/v1/stream');
    expect(stream.body.channels).toEqual({ news: 'now' });
    expect(secret.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    stream.stream();
    stream.event({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    await clock.advance(0);
    expect(news.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
  });

  it('ends the last of too many, and keeps the others', async () => {
    const network = connect();
    const all = ['a', 'b', 'c'].map((name) => client.subscribe(name));
    (await network.request('/v1/stream')).refuse(400, 'too_many_channels');
    const stream = await network.request('/v1/stream');
    expect(stream.body.channels).toEqual({ a: 'now', b: 'now' });
    expect(all.map(({ state }) => state.type)).toEqual(['pending', 'pending', 'closed']);
    expect(all[2]?.state).toEqual({ type: 'closed', code: 'too_many_channels' });
  });

  it('takes nothing of a stream for a subscription that is newer than it', async () => {
    const network = connect();
    const data: unknown[] = [];
    const news = client.subscribe('news', {}, () => {
      news.unsubscribe();
      client.subscribe('news', { after: '-1' }, (message) => data.push(message.data));
    });
    const stream = await network.request('/v1/stream');
    stream.stream();
    const events = [
      { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true },
      ...[2, 3].map((n) => ({ type: 'message', channel: 'news', offset: offset(n), data: n })),
      { type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' },
    ];
    stream.write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    await clock.advance(0);
    expect(data).toEqual([]);
    expect((await network.request('/v1/stream')).body.channels).toEqual({ news: '-1' });
  });

  it('asks a function for tokens again while it gives none, and is closed by null alone', async () => {
    let given: string | null = '<html>';
    const token = ({ reason }: TokenContext) => (reason === 'connect' ? given : 'for nothing');
    const network = connect({ token });
    client.subscribe('news');
    await clock.advance(0);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'token' });
    given = jwt();
    await clock.advance(500);
    (await network.request('/v1/stream')).refuse(401, 'token_expired');
    await clock.advance(0);
    expect(client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
    given = null;
    await clock.advance(1_000);
    expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    given = jwt();
    client.connect();
    client.subscribe('news');
    await network.request('/v1/stream');
  });

  it('refuses what it cannot do, at the call', () => {
    connect();
    expect(() => client.subscribe('a b')).toThrow(/^bad channel/);
    expect(() => client.subscribe('news', { after: 'never' })).toThrow(/^bad after/);
    client.subscribe('news');
    expect(() => client.subscribe('news')).toThrow(expect.objectContaining({ code: 'already_subscribed' }));
    client.close();
    expect(() => client.subscribe('more')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('ends what is unsubscribed, and asks for nothing any more', async () => {
    const network = connect();
    const news = client.subscribe('news');
    const stream = await network.request('/v1/stream');
    news.unsubscribe();
    await clock.advance(0);
    expect(news.state).toEqual({ type: 'closed', code: 'unsubscribed' });
    expect(stream.aborted).toBe(true);
  });

  it(`loses, repeats and jumps over nothing, ${RUNS} times`, async () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const broken = await play(seed);
      expect(broken, `seed ${seed}`).toEqual([]);
    }
  });
});

/** Everything happens to it; afterwards all that was published has come, in order, or a gap in its place. */
async function play(seed: number): Promise<string[]> {
  const dice = new Random(seed);
  const random = () => dice.next();
  const upTo = (n: number) => Math.floor(random() * n);
  clock = new FakeClock();
  const server = new Server({ clock, random, latencyMs: LATENCY_MS, keep: Number.POSITIVE_INFINITY, user: 'u' });
  client = createClient({ url: 'http://discovery.test', fetch: createFetch(server), clock, random });
  const broken: string[] = [];
  const at = new Map<string, number>();
  const subscribe = (channel: string) => {
    const subscription = client.subscribe(channel, upTo(2) ? { after: '-1' } : { last: upTo(3) });
    let known: number | undefined;
    const move = (position: string, isNext: boolean) => {
      const n = Number(position.slice(14));
      if (isNext && known !== undefined && n !== known + 1) broken.push(`${channel}: ${n} after ${known}`);
      known = n;
      at.set(channel, n);
    };
    subscription.on('gap', (gap) => move(gap.offset, false));
    subscription.on('message', ({ offset: position = '' }) => move(position, true));
    return subscription;
  };
  let open = [subscribe('a'), subscribe('b')];
  const acts = [
    () => server.publish('a', 1),
    () => server.publish('b', 1),
    () => [...server.ways].map((way) => way.lose()),
    () => [...server.ways].map((way) => way.end(4000, 'draining')),
    // It hears nothing more, and is told nothing of that.
    () => [...server.ways].map((way) => server.leave(way)),
    () => (server.isDown = !server.isDown),
    () => server.log('a').trim(upTo(4)),
    () => {
      open[0]?.unsubscribe();
      at.delete('a');
      open = [subscribe('a'), ...open.slice(1)];
    },
  ];
  for (let n = 0; n < 40; n++) {
    acts[upTo(acts.length)]?.();
    if (upTo(2)) await clock.advance(upTo(n % 7 ? 200 : 12_000));
  }
  server.isDown = false;
  await clock.advance(60_000);
  for (const channel of ['a', 'b']) server.publish(channel, 'the end');
  await clock.advance(30_000);
  for (const channel of ['a', 'b']) {
    const { tail } = server.log(channel);
    if (at.get(channel) !== tail) broken.push(`${channel} is at ${at.get(channel)} of ${tail}, ${client.state.type}`);
  }
  client.close();
  await clock.advance(0);
  if (server.ways.size + server.requests.size) broken.push('something is left open');
  // What the server has sent is on its way for so long.
  await clock.advance(LATENCY_MS);
  if (clock.pending) broken.push('a timer is left');
  return broken;
}

it('the reading client talks to a test server too', async () => {
  clock = new FakeClock();
  const server = createTestServer({ clock });
  const { url, fetch } = server.options;
  client = createClient({ url, ...(fetch && { fetch }), clock });
  server.publish('news', 1);
  const data: unknown[] = [];
  client.subscribe('news', { last: 1 }, (message) => data.push(message.data));
  await clock.advance(0);
  server.publish('news', 2);
  await clock.advance(0);
  expect(data).toEqual([1, 2]);
});
