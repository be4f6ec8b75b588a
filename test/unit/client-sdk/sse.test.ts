// The SDK over server-sent events: one stream per set of channels, taken over without loss.

import { afterEach, describe, expect, it } from 'vitest';
import type { ServerEvent } from '../../../src/protocol/index.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

const message = (n: number, channel = 'news'): ServerEvent => ({
  type: 'message',
  channel,
  offset: offset(n),
  data: n,
});
const ready = (n: number, channel = 'news'): ServerEvent => ({
  type: 'subscribed',
  channel,
  offset: offset(n),
  recovered: true,
});

async function open() {
  world = new World({ transports: ['sse'] });
  const news = world.subscribe('news');
  const stream = await world.network.request('/v1/stream');
  stream.stream();
  return { news, stream };
}

async function send(stream: FakeRequest, ...events: ServerEvent[]) {
  for (const event of events) stream.event(event);
  await settle();
}

describe('a stream', () => {
  it('asks with the ticket, and is connected with its first event', async () => {
    const { news, stream } = await open();
    expect(stream.token).toBe('t1');
    expect(stream.body).toEqual({ channels: { news: 'now' }, features: ['quiet', 'positions'] });
    await settle();
    expect(world.client.state.type).toBe('connecting');
    await send(stream, ready(1), message(2));
    expect(world.client.state).toEqual({ type: 'connected', transport: 'sse', node: 'n1' });
    expect(news.data).toEqual([2]);
  });

  it('is live while comments come, and given up after silence', async () => {
    const { stream } = await open();
    await send(stream, ready(1));
    for (let beats = 0; beats < 10; beats++) {
      await world.clock.advance(7_000);
      stream.write(': heartbeat\n\n');
    }
    await world.clock.advance(10_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states).toContainEqual(expect.objectContaining({ cause: 'timeout' }));
    expect(stream.aborted).toBe(true);
  });

  it('waits for as long as the node says between heartbeats', async () => {
    const { stream } = await open();
    const limits = { maxFrameBytes: 1, maxMessageBytes: 1, channelsPerConnection: 1 };
    const connected = {
      type: 'connected',
      connection: 'c1',
      node: 'n1',
      user: null,
      heartbeatMs: 60_000,
      limits,
    } as const;
    await send(stream, connected, ready(1));
    await world.clock.advance(60_999);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await world.clock.advance(2_750);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states).toContainEqual(expect.objectContaining({ type: 'waiting', cause: 'timeout' }));
  });

  it('opens another for another set of channels, and lets the old one deliver until it is taken over', async () => {
    const { news, stream } = await open();
    await send(stream, ready(1), message(2));
    const more = world.subscribe('more');
    const next = await world.network.request('/v1/stream');
    expect(next.body.channels).toEqual({ news: offset(2), more: 'now' });
    next.stream();
    await send(stream, message(3));
    await send(next, ready(1, 'more'), message(5, 'more'));
    await send(stream, message(4));
    expect(stream.aborted).toBe(false);
    await send(next, ready(2));
    expect(stream.aborted).toBe(true);
    await send(next, message(3), message(4), message(5));
    expect(news.data).toEqual([2, 3, 4, 5]);
    expect(more.data).toEqual([5]);
    expect(news.states).toHaveLength(1);
  });

  it('never has more than two, however quickly the channels change', async () => {
    const { news, stream } = await open();
    await send(stream, ready(1));
    const streams: FakeRequest[] = [];
    for (const name of ['a', 'b', 'c']) {
      world.subscribe(name);
      const next = await world.network.request('/v1/stream');
      next.stream();
      streams.push(next);
    }
    await settle();
    expect(streams.map((next) => next.aborted)).toEqual([true, true, false]);
    expect(stream.aborted).toBe(false);
    await send(stream, message(2));
    expect(news.data).toEqual([2]);
  });

  it('that is not answered at all while the old one goes on is asked for again after 10 s: no channel stays deaf', async () => {
    const { stream } = await open();
    await send(stream, ready(1));
    const more = world.subscribe('more');
    const lost = await world.network.request('/v1/stream');
    await world.clock.advance(6_000);
    stream.write(': heartbeat\n\n');
    await world.clock.advance(3_999);
    expect(lost.aborted).toBe(false);
    await world.clock.advance(1);
    const next = await world.network.request('/v1/stream');
    expect([lost.aborted, stream.aborted]).toEqual([true, false]);
    next.stream();
    next.write(': slow\n\n');
    for (let beats = 0; beats < 3; beats++) {
      await world.clock.advance(7_000);
      stream.write(': heartbeat\n\n');
      next.write(': heartbeat\n\n');
    }
    expect(next.aborted).toBe(false);
    await send(next, ready(1), ready(1, 'more'), message(2, 'more'));
    expect(more.data).toEqual([2]);
  });

  it('that stalls after its first words while the old one goes on is asked for again: no channel stays deaf', async () => {
    const { stream } = await open();
    await send(stream, ready(1));
    world.subscribe('more');
    const next = await world.network.request('/v1/stream');
    next.stream();
    next.event({ type: 'connected', heartbeatMs: 25_000 } as never);
    for (let beats = 0; beats < 4; beats++) {
      await world.clock.advance(7_000);
      stream.write(': heartbeat\n\n');
    }
    await world.clock.advance(6_999);
    expect(next.aborted).toBe(false);
    await world.clock.advance(1);
    expect([next.aborted, stream.aborted]).toEqual([true, false]);
    expect((await world.network.request('/v1/stream')).body.channels).toHaveProperty('more');
  });

  it('that has taken over is left alone', async () => {
    const { stream } = await open();
    await send(stream, ready(1));
    world.subscribe('more');
    const next = await world.network.request('/v1/stream');
    next.stream();
    await send(next, ready(1), ready(1, 'more'));
    for (let beats = 0; beats < 4; beats++) {
      await world.clock.advance(7_000);
      next.write(': heartbeat\n\n');
    }
    expect([next.aborted, stream.aborted]).toEqual([false, true]);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('is not opened anew for a publish or for nothing', async () => {
    const { news, stream } = await open();
    await send(stream, ready(1));
    void world.client.publish('news', 1).catch(() => {});
    world.subscribe('a').subscription.unsubscribe();
    await settle();
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    news.subscription.unsubscribe();
    await settle();
    expect(stream.aborted).toBe(true);
    expect(world.client.state.type).toBe('connected');
  });

  it('is opened anew with a fresh ticket before the old one ends', async () => {
    const { stream } = await open();
    await send(stream, ready(1));
    for (let n = 0; n < 480; n++) {
      stream.write(':\n\n');
      await world.clock.advance(6_000);
    }
    (await world.network.request('/v1/ticket')).answer(200, { ticket: 't2', expiresInMs: 3_600_000 });
    const next = await world.network.request('/v1/stream');
    expect(next.token).toBe('t2');
    next.stream();
    await send(next, ready(1));
    expect(stream.aborted).toBe(true);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('follows `close` by its code', async () => {
    const { stream } = await open();
    await send(stream, ready(1), { type: 'close', code: 4002, reason: 'slow_consumer: too slow', retryAfterMs: 1_000 });
    expect(world.client.state).toEqual({ type: 'waiting', retryInMs: 1_250, cause: 'slow_consumer' });
  });

  it('resumes after it was cut', async () => {
    const { news, stream } = await open();
    await send(stream, ready(1), message(2));
    stream.end();
    await world.clock.advance(250);
    const next = await world.network.request('/v1/stream');
    expect(next.body.channels).toEqual({ news: offset(2) });
    next.stream();
    await send(next, ready(2), message(3));
    expect(news.data).toEqual([2, 3]);
  });

  it('ends the channels that a refusal names, and asks for the others', async () => {
    world = new World({ transports: ['sse'] });
    const secret = world.subscribe('secret');
    const news = world.subscribe('news');
    (await world.network.request('/v1/stream')).refuse(403, 'forbidden_channel', { channels: ['secret'] });
    const next = await world.network.request('/v1/stream');
    expect(next.body.channels).toEqual({ news: 'now' });
    next.stream();
    await send(next, ready(1));
    expect(secret.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(news.subscription.state.type).toBe('subscribed');
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('ends only the channel that an error is about, though others have not been answered either', async () => {
    world = new World({ transports: ['sse'] });
    const secret = world.subscribe('secret');
    const news = world.subscribe('news');
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    await send(stream, { type: 'error', channel: 'secret', code: 'forbidden_channel', message: 'no' });
    expect(secret.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(news.subscription.state).toEqual({ type: 'pending' });
    const next = await world.network.request('/v1/stream');
    expect(next.body.channels).toEqual({ news: 'now' });
  });

  it('ends the newest channels after a refusal that names none, and keeps those that were confirmed', async () => {
    const { news, stream } = await open();
    await send(stream, ready(1));
    const more = world.subscribe('more');
    (await world.network.request('/v1/stream')).refuse(400, 'too_many_channels');
    await settle();
    expect(more.subscription.state).toEqual({ type: 'closed', code: 'too_many_channels' });
    await send(stream, message(2));
    expect(news.data).toEqual([2]);
    expect(world.client.state.type).toBe('connected');
  });
});
