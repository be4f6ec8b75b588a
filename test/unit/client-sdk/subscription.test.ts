// What a subscription gives to the application: listeners, iteration, its end.

import { afterEach, describe, expect, it } from 'vitest';
import { type Channel, receive, setState } from '../../../client-sdk/channel.js';
import { createSubscription } from '../../../client-sdk/subscription.js';
import { offset, World } from './fakes/world.js';

const LINE = {};
let left = 0;

function make(signal?: AbortSignal) {
  left = 0;
  const channel: Channel = { name: 'news', position: 'now', state: { type: 'pending' }, subscribed: new Set() };
  const subscription = createSubscription<number>(channel, { signal }, () => left++);
  receive(channel, { type: 'subscribed', channel: 'news', offset: offset(0), recovered: true }, LINE);
  return { channel, subscription };
}
function send(channel: Channel, ...numbers: number[]) {
  for (const n of numbers) receive(channel, { type: 'message', channel: 'news', offset: offset(n), data: n }, LINE);
}

describe('a subscription', () => {
  it('tells its states, and its listeners can be taken away', () => {
    const { channel, subscription } = make();
    const states: string[] = [];
    const undo = subscription.on('state', ({ type }) => states.push(type));
    setState(channel, { type: 'pending' });
    setState(channel, { type: 'pending' });
    undo();
    undo();
    subscription.unsubscribe();
    expect(states).toEqual(['pending']);
    expect(subscription.state).toEqual({ type: 'closed', code: 'unsubscribed' });
  });

  it('ends once, with `unsubscribe` or its signal', () => {
    const controller = new AbortController();
    const { subscription } = make(controller.signal);
    controller.abort();
    subscription.unsubscribe();
    expect(left).toBe(1);
    expect(subscription.state.type).toBe('closed');
    expect(make(controller.signal).subscription.state.type).toBe('closed');
  });

  it('is iterated in order, from the first `next` on, until it ends', async () => {
    const { channel, subscription } = make();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { data } of subscription) {
        seen.push(data);
        if (data === 2) send(channel, 3, 4);
        if (data === 4) subscription.unsubscribe();
      }
    })();
    send(channel, 1, 2);
    await reading;
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('gives what waits before it ends', async () => {
    const { channel, subscription } = make();
    const messages = subscription[Symbol.asyncIterator]();
    const first = messages.next();
    send(channel, 1, 2, 3);
    subscription.unsubscribe();
    expect((await first).value?.data).toBe(1);
    expect((await messages.next()).value?.data).toBe(2);
    expect((await messages.next()).value?.data).toBe(3);
    expect((await messages.next()).done).toBe(true);
  });

  it('keeps at most so many for an iterator, and then says `overflow`', async () => {
    const { channel, subscription } = make();
    const messages = subscription[Symbol.asyncIterator]();
    const first = messages.next();
    send(channel, ...Array.from({ length: 1_001 }, (_, n) => n + 1));
    expect((await first).value?.data).toBe(1);
    await expect(
      (async () => {
        for await (const _ of { [Symbol.asyncIterator]: () => messages });
      })(),
    ).rejects.toMatchObject({ code: 'overflow' });
  });

  it('lets an iterator go without ending', async () => {
    const { channel, subscription } = make();
    const reading = (async () => {
      for await (const { data } of subscription) if (data === 1) break;
    })();
    send(channel, 1);
    await reading;
    send(channel, 2);
    expect(subscription.state.type).toBe('subscribed');
  });
});

describe('a subscription of a client', () => {
  let world: World;
  afterEach(() => world.client.close());

  it('ends an iteration when the client closes', async () => {
    world = new World();
    const { subscription } = world.subscribe('news');
    const messages = subscription[Symbol.asyncIterator]();
    const next = messages.next();
    world.client.close();
    expect((await next).done).toBe(true);
    expect(subscription.state).toEqual({ type: 'closed', code: 'closed' });
  });

  it('never reaches the wire when its signal has already aborted', async () => {
    world = new World();
    const listening = world.subscribe('news', { signal: AbortSignal.abort() });
    expect(listening.subscription.state).toEqual({ type: 'closed', code: 'unsubscribed' });
    const socket = await world.network.sockets.next();
    await socket.accept();
    expect(socket.commands.waiting).toEqual([]);
  });

  it('may be ended and made anew inside a listener', async () => {
    world = new World();
    const first = world.subscribe('news', { after: '-1' });
    first.subscription.on('message', () => {
      first.subscription.unsubscribe();
      world.subscribe('news', { after: first.subscription.offset });
    });
    const socket = await world.network.sockets.next();
    await socket.accept();
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'subscribed', id, channel: 'news', offset: offset(0), recovered: true } as never);
    socket.send({ type: 'message', channel: 'news', offset: offset(1), data: 1 } as never);
    socket.send({ type: 'message', channel: 'news', offset: offset(2), data: 2 } as never);
    expect(await socket.next('unsubscribe')).toMatchObject({ channels: ['news'] });
    expect(await socket.next('subscribe')).toMatchObject({ channels: { news: offset(1) } });
    expect(first.data).toEqual([1]);
  });
});
