// Reading a subscription with `for await`: from where, in which order, and how holes and ends are told.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gap, Message, Subscription } from '../../../client-sdk/types.js';
import type { FakeSocket } from './fakes/fake-network.js';
import { message, resume } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
let socket: FakeSocket;
let news: Subscription;

beforeEach(async () => {
  world = new World();
  news = world.client.subscribe('news');
  socket = await world.network.sockets.next();
  await socket.accept();
  await resume(socket, 0);
});
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

const send = (...numbers: number[]) => {
  for (const n of numbers) socket.send(message(n));
};
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, index) => from + index);
const gap = (after: number, to: number) =>
  socket.send({ type: 'gap', channel: 'news', after: offset(after), offset: offset(to), reason: 'trimmed' } as never);

/** Takes all that comes until the iteration ends; with what it fails. */
async function takeAll(source: AsyncIterable<Message | Gap>, each: (n: unknown) => void = () => {}) {
  const taken: unknown[] = [];
  try {
    for await (const item of source) {
      taken.push(item.type === 'gap' ? item : item.data);
      each(taken.at(-1));
    }
    return { taken, error: undefined };
  } catch (error) {
    return { taken, error };
  }
}

it('queues for iterators until somebody listens to messages, whatever else is listened to', async () => {
  news.on('state', () => {});
  news.on('gap', () => {});
  send(1, 2);
  const iterator = news[Symbol.asyncIterator]();
  expect(await iterator.next()).toMatchObject({ value: { data: 1 } });
  await iterator.return?.();
});

describe('an iteration', () => {
  it('begins where the subscription began, and is in order', async () => {
    send(1, 2);
    const all = takeAll(news, (n) => {
      if (n === 2) send(3, 4);
      if (n === 4) news.unsubscribe();
    });
    expect(await all).toEqual({ taken: [1, 2, 3, 4], error: undefined });
  });

  it('gives what waits before it ends', async () => {
    const messages = news[Symbol.asyncIterator]();
    const first = messages.next();
    send(1, 2, 3);
    news.unsubscribe();
    expect((await first).value?.data).toBe(1);
    expect((await messages.next()).value?.data).toBe(2);
    expect((await messages.next()).value?.data).toBe(3);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('answers each `next` in its turn, however many wait', async () => {
    const messages = news[Symbol.asyncIterator]();
    const waiting = [messages.next(), messages.next(), messages.next()];
    send(1, 2);
    news.unsubscribe();
    expect((await Promise.all(waiting)).map(({ value }) => value?.data)).toEqual([1, 2, undefined]);
  });

  it('fails with `overflow` exactly at the hole, and another goes on after it', async () => {
    send(...upTo(1_005));
    const steady = takeAll(news, (n) => {
      // It stays a little behind: there is room again, and the hole is in front of it.
      if ((n as number) <= 100) send(2_000 + (n as number));
    });
    expect(await steady).toMatchObject({ taken: upTo(1_000), error: { name: 'FanfareError', code: 'overflow' } });
    const rest = takeAll(news, (n) => n === 3_000 && news.unsubscribe());
    send(3_000);
    expect((await rest).taken).toEqual([...upTo(2_100, 2_002), 3_000]);
  });

  it('keeps nothing for who listens instead, until somebody iterates', async () => {
    const heard: unknown[] = [];
    news.on('message', ({ data }) => heard.push(data));
    send(...upTo(1_500));
    const all = takeAll(news, (n) => n === 1_502 && news.unsubscribe());
    send(1_501, 1_502);
    expect(await all).toEqual({ taken: [1_501, 1_502], error: undefined });
    expect(heard).toHaveLength(1_502);
  });

  it('fails at a gap with what is missing, in its place, and another goes on after it', async () => {
    send(1);
    gap(1, 5);
    send(6);
    expect(await takeAll(news)).toMatchObject({
      taken: [1],
      error: { code: 'gap', channel: 'news', gap: { after: offset(1), offset: offset(5), reason: 'trimmed' } },
    });
    expect(news.state.type).toBe('subscribed');
    expect(await takeAll(news, () => news.unsubscribe())).toEqual({ taken: [6], error: undefined });
  });

  it('yields gaps in their place where that is asked for', async () => {
    const both = world.client.subscribe('news', { gaps: 'yield' });
    send(1);
    gap(1, 5);
    send(6);
    const all = await takeAll(both, (n) => n === 6 && both.unsubscribe());
    expect(all).toMatchObject({ taken: [1, { type: 'gap', reason: 'trimmed', offset: offset(5) }, 6] });
  });

  it('ends its subscription when it is left', async () => {
    send(1);
    for await (const { data } of news) if (data === 1) break;
    expect(news.state).toEqual({ type: 'closed', code: 'unsubscribed' });
    expect(await socket.next('unsubscribe')).toMatchObject({ channels: ['news'] });
  });

  it('is left at once though nothing comes', async () => {
    const messages = news[Symbol.asyncIterator]();
    const next = messages.next();
    expect(await messages.return?.()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('fails with the code of a server that ends it, after what waits', async () => {
    send(1);
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    expect(await takeAll(news)).toMatchObject({ taken: [1], error: { code: 'forbidden_channel', channel: 'news' } });
    expect(await takeAll(news)).toEqual({ taken: [], error: undefined });
  });

  it('ends with the client', async () => {
    const all = takeAll(news);
    world.client.close();
    expect(await all).toEqual({ taken: [], error: undefined });
    expect(news.state).toEqual({ type: 'closed', code: 'closed' });
  });
});
