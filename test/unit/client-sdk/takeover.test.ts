// Takeover, between links and between the streams of one: never jumps over a message, never leaves a channel deaf.

import { afterEach, describe, expect, it } from 'vitest';
import type { ServerEvent } from '../../../src/protocol/index.js';
import type { FakeRequest, FakeSocket } from './fakes/fake-network.js';
import { news, polling } from './fakes/polling.js';
import { message, resume } from './fakes/socket-server.js';
import { assignment, OTHER, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

const subscribed = (id: unknown, n: number, channel = 'news') =>
  ({ type: 'subscribed', id, channel, offset: offset(n), recovered: true }) as never;
const live = (data: string) => ({ type: 'message', channel: 'news', data });

/** Has the first socket ask the client to move; returns the one that it opens. */
async function move(socket: FakeSocket): Promise<FakeSocket> {
  world.network.discovery = (request) => request.answer(200, assignment({ node: OTHER }));
  socket.send({ type: 'move', withinMs: 10_000, reason: 'draining' });
  const next = await world.network.sockets.next();
  await next.accept();
  return next;
}

describe('a link that takes over from another', () => {
  it('jumps over nothing when both were asked for `now`: it is asked again from where the first began', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    const asked = await first.next('subscribe');
    const second = await move(first);
    const again = await second.next('subscribe');
    expect(again.channels).toEqual({ news: 'now' });
    first.send(subscribed(asked.id, 10));
    second.send(subscribed(again.id, 11));
    await second.next('unsubscribe');
    const third = await second.next('subscribe');
    expect(third.channels).toEqual({ news: offset(10) });
    second.send(subscribed(third.id, 10));
    for (const n of [11, 12]) second.send(message(n));
    await world.clock.advance(1_000);
    expect(news.data).toEqual([11, 12]);
  });

  it('is asked again from where the other has come to, though its own `now` lies before that: a failover may lie between', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    const asked = await first.next('subscribe');
    const second = await move(first);
    const again = await second.next('subscribe');
    first.send(subscribed(asked.id, 10));
    first.send(message(11));
    second.send(subscribed(again.id, 10));
    await second.next('unsubscribe');
    const third = await second.next('subscribe');
    expect(third.channels).toEqual({ news: offset(11) });
    second.send({ ...(subscribed(third.id, 10) as object), recovered: false } as never);
    second.send({ type: 'gap', channel: 'news', after: offset(11), offset: offset(10), reason: 'rewritten' });
    expect(news.gaps).toMatchObject([{ reason: 'rewritten' }]);
  });

  it('jumps over nothing when both were asked for `-1` and history was trimmed between', async () => {
    world = new World();
    const news = world.subscribe('news', { after: '-1' });
    const first = await world.network.sockets.next();
    await first.accept();
    const asked = await first.next('subscribe');
    const second = await move(first);
    const again = await second.next('subscribe');
    first.send(subscribed(asked.id, 0));
    for (const n of [1, 2]) first.send(message(n));
    second.send(subscribed(again.id, 5));
    second.send(message(6));
    await second.next('unsubscribe');
    expect((await second.next('subscribe')).channels).toEqual({ news: offset(2) });
    expect(news.data).toEqual([1, 2]);
  });

  it('is asked again from where the other has come to when its log does not come by there: that was written anew between', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    await resume(first, 10);
    const second = await move(first);
    const { id } = await second.next('subscribe');
    first.send(message(11));
    second.send(subscribed(id, 10));
    second.send(message(12));
    await second.next('unsubscribe');
    const again = await second.next('subscribe');
    expect(again.channels).toEqual({ news: offset(11) });
    second.send({ ...(subscribed(again.id, 10) as object), recovered: false } as never);
    second.send({ type: 'gap', channel: 'news', after: offset(11), offset: offset(10), reason: 'rewritten' });
    second.send(message(12));
    expect(news.gaps).toMatchObject([{ reason: 'rewritten' }]);
    expect(news.data).toEqual([11, 12]);
  });

  it('is asked for nothing again when history was trimmed up to where the other has come', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    await resume(first, 10);
    const second = await move(first);
    const { id } = await second.next('subscribe');
    first.send(message(11));
    second.send({ ...(subscribed(id, 11) as object), recovered: false } as never);
    second.send({ type: 'gap', channel: 'news', after: offset(10), offset: offset(11), reason: 'trimmed' });
    second.send(message(12));
    expect(news.data).toEqual([11, 12]);
    expect(second.commands.waiting).toEqual([]);
  });

  it('is not deaf when the one before it answers last', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    const asked = await first.next('subscribe');
    const second = await move(first);
    const again = await second.next('subscribe');
    second.send(subscribed(again.id, 10));
    first.send(subscribed(asked.id, 10));
    await world.clock.advance(1_000);
    expect(first.closedByClient).toBe(true);
    second.send(message(11));
    expect(news.data).toEqual([11]);
  });

  it('brings a live-only message that the other has brought no second time', async () => {
    world = new World();
    const news = world.subscribe('news');
    const first = await world.network.sockets.next();
    await first.accept();
    await resume(first, 1);
    const second = await move(first);
    const again = await second.next('subscribe');
    first.send(live('typing'));
    second.send(subscribed(again.id, 1));
    second.send(live('typing'));
    first.send(live('away'));
    second.send(live('away'));
    expect(news.data).toEqual(['typing', 'away']);
  });
});

describe('a stream that takes over from another', () => {
  const ready = (n: number, channel: string): ServerEvent => ({
    type: 'subscribed',
    channel,
    offset: offset(n),
    recovered: true,
  });
  const say = (n: number, channel: string): ServerEvent => ({ type: 'message', channel, offset: offset(n), data: n });
  async function send(stream: FakeRequest, ...events: ServerEvent[]) {
    for (const event of events) stream.event(event);
    await settle();
  }
  async function next() {
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    return stream;
  }

  it('is not deaf for a channel for which the one before it answers last', async () => {
    world = new World({ transports: ['sse'] });
    const [a, b] = ['a', 'b'].map((name) => world.subscribe(name));
    world.subscribe('slow');
    const first = await next();
    await send(first, ready(1, 'a'));
    world.subscribe('d');
    const second = await next();
    await send(second, ready(1, 'b'));
    await send(first, ready(1, 'b'));
    await send(second, ready(1, 'a'), ready(1, 'slow'), ready(1, 'd'));
    expect(first.aborted).toBe(true);
    await send(second, say(2, 'a'), say(2, 'b'));
    expect([a?.data, b?.data]).toEqual([[2], [2]]);
  });

  it('brings a live-only message that the other has brought no second time', async () => {
    world = new World({ transports: ['sse'] });
    const news = world.subscribe('news');
    const first = await next();
    await send(first, ready(1, 'news'));
    world.subscribe('more');
    const second = await next();
    await send(first, live('typing') as ServerEvent);
    await send(second, ready(1, 'news'), live('typing') as ServerEvent, ready(1, 'more'), live('away') as ServerEvent);
    expect(news.data).toEqual(['typing', 'away']);
  });

  it('is asked for again when its log does not come by where the other has come to', async () => {
    world = new World({ transports: ['sse'] });
    const news = world.subscribe('news');
    const first = await next();
    await send(first, ready(1, 'news'));
    world.subscribe('more');
    const second = await next();
    await send(first, say(2, 'news'));
    await send(second, ready(1, 'news'), say(3, 'news'));
    expect(news.data).toEqual([2]);
    expect((await next()).body.channels).toMatchObject({ news: offset(2) });
  });

  it('loses no link whose stream takes a permission back for now, and asks again', async () => {
    world = new World({ transports: ['sse'] });
    const news = world.subscribe('news');
    const first = await next();
    await send(first, ready(1, 'news'), { type: 'unsubscribed', channel: 'news', code: 'overloaded' });
    expect([news.subscription.state.type === 'closed', world.client.state.type]).toEqual([false, 'connected']);
    await world.clock.advance(1_000);
    await send(await next(), ready(1, 'news'), say(2, 'news'));
    expect(news.data).toEqual([2]);
  });
});

it('a node that ends a subscription for now is asked for it again', async () => {
  world = new World();
  const news = world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept();
  await resume(socket, 1);
  socket.send({ type: 'unsubscribed', channel: 'news', code: 'overloaded' } as never);
  await world.clock.advance(2_000);
  expect((await socket.next('subscribe')).channels).toEqual({ news: offset(1) });
  expect(news.subscription.state.type).not.toBe('closed');
});

it('a poll that takes over from another is asked again when its log does not come by where that has come to', async () => {
  world = new World({ transports: ['long-poll'] });
  const listening = await polling(world);
  const waiting = await world.network.request('/v1/poll');
  world.subscribe('more');
  const second = await world.network.request('/v1/poll');
  waiting.answer(200, news(2, [2]));
  await settle();
  second.answer(200, news(3, [3]));
  await settle();
  expect(listening.data).toEqual([2]);
  expect(world.network.waiting('/v1/poll').at(-1)?.body).toMatchObject({ channels: { news: offset(2) } });
  // What was answered and is replaced asks for nothing more.
  expect(world.network.waiting('/v1/poll').filter(({ aborted }) => aborted)).toEqual([]);
});

describe.each(['sse', 'long-poll', 'short-poll'] as const)('a refusal over %s', (transport) => {
  const path = transport === 'sse' ? '/v1/stream' : '/v1/poll';
  const newest = () => world.network.waiting(path).at(-1) as FakeRequest;
  /** Channels that change so often that what changes next waits for its turn; the last of them is refused. */
  async function ask() {
    world = new World({ transports: [transport] });
    for (let n = 0; n < 9; n++) {
      world.subscribe(`c${n}`);
      await settle();
    }
    const secret = world.subscribe('secret');
    await settle();
    expect(newest().body.channels).toHaveProperty('secret');
    return { secret, request: newest() };
  }

  it('that names only what is wanted no more ends nothing', async () => {
    const { secret, request } = await ask();
    secret.subscription.unsubscribe();
    request.refuse(403, 'forbidden_channel', { channels: ['secret'] });
    await settle();
    expect(world.client.state.type).toBe('connecting');
    expect(world.errors).toEqual([]);
    expect(newest().body.channels).not.toHaveProperty('secret');
  });

  it('that was meant for the subscription before ends no newer one', async () => {
    const { secret, request } = await ask();
    secret.subscription.unsubscribe();
    const again = world.subscribe('secret');
    request.refuse(403, 'forbidden_channel', { channels: ['secret'] });
    await settle();
    expect(again.subscription.state).toEqual({ type: 'pending' });
    expect(newest()).not.toBe(request);
    expect(newest().body.channels).toHaveProperty('secret');
  });
});
