// Streams and long polls in doubt: another one at the same positions is asked beside them, and takes over without a hole.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { emitPageEvent, type Listening, leavePage, offset, showPage, World } from './fakes/world.js';

const HEARTBEAT_MS = 7_000;
const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
  leavePage();
});
const settle = () => world.clock.advance(0);

const connected = (heartbeatMs = HEARTBEAT_MS) =>
  ({ type: 'connected', connection: 'c-s.1', node: 'n1', user: null, heartbeatMs, limits }) as const;
const ready = (n: number, channel = 'news') =>
  ({ type: 'subscribed', channel, offset: offset(n), recovered: true }) as const;
const message = (n: number, channel = 'news') => ({ type: 'message', channel, offset: offset(n), data: n }) as const;

describe('a stream', () => {
  let stream: FakeRequest;
  let news: Listening;
  const next = () => world.network.request('/v1/stream');

  beforeEach(async () => {
    world = new World({ transports: ['sse'] });
    news = world.subscribe('news');
    stream = await next();
    stream.stream();
    stream.event(connected());
    stream.event(ready(1));
    await settle();
  });

  it('opens a second stream beside one in doubt, and drops the old one when that answers', async () => {
    await world.clock.advance(8_000);
    const second = await next();
    expect(second.body).toMatchObject({ channels: { news: offset(1) } });
    expect(stream.aborted).toBe(false);
    second.stream();
    second.event(connected());
    second.event(ready(1));
    await settle();
    expect(stream.aborted).toBe(true);
    second.event(message(2));
    await world.clock.advance(3_000);
    expect(news.data).toEqual([2]);
    expect(world.stateTypes).not.toContain('waiting');
    expect(news.states).toHaveLength(1);
  });

  it('delivers over the old one until the second takes over, without a hole and nothing twice', async () => {
    await world.clock.advance(8_000);
    const second = await next();
    second.stream();
    stream.event(message(2));
    stream.event(message(3));
    second.event(connected());
    await settle();
    stream.event(message(4));
    await settle();
    second.event(ready(1));
    for (const n of [2, 3, 4, 5]) second.event(message(n));
    await settle();
    expect(news.data).toEqual([2, 3, 4, 5]);
    expect(stream.aborted).toBe(true);
  });

  it('is given up when neither says anything within 2.75 s', async () => {
    await world.clock.advance(8_000);
    const second = await next();
    await world.clock.advance(2_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states).toContainEqual(expect.objectContaining({ type: 'waiting', cause: 'timeout' }));
    expect([stream.aborted, second.aborted]).toEqual([true, true]);
  });

  it('asks for quiet with another stream while nobody sees the page, as much as proxies bear that cut after 30 s, and for none when it is seen again', async () => {
    expect(stream.body.heartbeatMs).toBeUndefined();
    showPage(true);
    const quiet = await next();
    expect(quiet.body).toMatchObject({
      features: ['quiet', 'positions'],
      heartbeatMs: 25_000,
      channels: { news: offset(1) },
    });
    quiet.stream();
    quiet.event(connected(25_000));
    quiet.event(ready(1));
    await world.clock.advance(25_000);
    expect(stream.aborted).toBe(true);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    showPage(false);
    const loud = await next();
    expect(loud.body.heartbeatMs).toBeUndefined();
  });
});

describe('a long poll', () => {
  const next = () => world.network.request('/v1/poll');
  const answer = (at: number, numbers: number[] = []) => ({
    channels: { news: { offset: offset(at), messages: numbers.map((n) => ({ offset: offset(n), data: n })) } },
  });
  let waiting: FakeRequest;
  let news: Listening;

  beforeEach(async () => {
    world = new World({ transports: ['long-poll'] });
    news = world.subscribe('news');
    (await next()).answer(200, answer(1));
    await settle();
    waiting = await next();
    expect(waiting.body.waitMs).toBe(25_000);
  });

  it('in doubt has a short one beside it, and goes on from what is answered first', async () => {
    await world.clock.advance(26_000);
    const short = await next();
    expect(short.body).toMatchObject({ channels: { news: offset(1) }, waitMs: 0 });
    expect(waiting.aborted).toBe(false);
    short.answer(200, answer(3, [2, 3]));
    const long = await next();
    expect(long.body).toMatchObject({ channels: { news: offset(3) }, waitMs: 25_000 });
    expect(waiting.aborted).toBe(true);
    expect(news.data).toEqual([2, 3]);
    expect(world.stateTypes).not.toContain('waiting');
  });

  it('takes what the old one brings before the short one, once', async () => {
    await world.clock.advance(26_000);
    const short = await next();
    waiting.answer(200, answer(2, [2]));
    await settle();
    short.answer(200, answer(3, [2, 3]));
    await settle();
    expect(news.data).toEqual([2, 3]);
  });

  it('is given up 3.75 s after its wait', async () => {
    await world.clock.advance(28_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states).toContainEqual(expect.objectContaining({ type: 'waiting', cause: 'timeout' }));
  });
});

it('a stream never begins beyond where another has said that `now` was', async () => {
  world = new World({ transports: ['sse'] });
  const next = () => world.network.request('/v1/stream');
  world.subscribe('news');
  const more = world.subscribe('more');
  const first = await next();
  first.stream();
  for (const event of [connected(), ready(1)]) first.event(event);
  await settle();
  emitPageEvent('visibilitychange');
  const second = await next();
  expect(second.body).toMatchObject({ channels: { news: offset(1), more: 'now' } });
  second.stream();
  first.event(ready(5, 'more'));
  await settle();
  for (const event of [connected(), ready(1), ready(7, 'more')]) second.event(event);
  const third = await next();
  expect(third.body).toMatchObject({ channels: { news: offset(1), more: offset(5) } });
  expect([first.aborted, second.aborted]).toEqual([false, true]);
  first.event(message(6, 'more'));
  third.stream();
  await settle();
  for (const event of [connected(), ready(1), ready(5, 'more'), message(6, 'more'), message(7, 'more')])
    third.event(event);
  await settle();
  expect(more.data).toEqual([6, 7]);
  expect(first.aborted).toBe(true);
});

it('a stream that has answered for all of its channels leaves the newer one alone that takes over', async () => {
  world = new World({ transports: ['sse'] });
  const next = () => world.network.request('/v1/stream');
  world.subscribe('a');
  world.subscribe('b', { after: '-1' });
  const first = await next();
  first.stream();
  for (const event of [connected(), ready(1, 'a')]) first.event(event);
  await settle();
  const c = world.subscribe('c');
  const second = await next();
  second.stream();
  await settle();
  first.event(ready(1, 'b'));
  await settle();
  expect(second.aborted).toBe(false);
  for (const event of [connected(), ready(1, 'a'), ready(1, 'b'), ready(1, 'c'), message(2, 'c')]) second.event(event);
  await settle();
  expect(c.data).toEqual([2]);
  expect(first.aborted).toBe(true);
});
