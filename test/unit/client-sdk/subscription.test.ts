// What a subscription gives to the application: listeners, states, its end.

import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { message, resume, subscribeToNews } from './fakes/socket-server.js';
import { type Listening, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);

describe('a subscription', () => {
  it('tells its states, with what they say and no more, and its listeners can be taken away', async () => {
    world = new World();
    const { news, socket } = await subscribeToNews(world);
    const states: unknown[] = [];
    const undo = news.subscription.on('state', (state) => states.push(state));
    socket.close();
    undo();
    undo();
    news.subscription.unsubscribe();
    expect(states).toEqual([{ type: 'pending' }]);
    expect(news.states).toEqual([
      { type: 'subscribed', offset: offset(1), recovered: true },
      { type: 'pending' },
      { type: 'closed', code: 'unsubscribed' },
    ]);
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'unsubscribed' });
  });

  it('ends once, with `unsubscribe` or its signal', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    const controller = new AbortController();
    const { states, subscription } = world.subscribe('more', { signal: controller.signal });
    await socket.next('subscribe');
    controller.abort();
    subscription.unsubscribe();
    expect(states).toHaveLength(1);
    await socket.next('unsubscribe');
  });

  it('leaves no listener on its signal, however it ends; nor does a publish', async () => {
    world = new World();
    const { signal } = new AbortController();
    const { socket } = await subscribeToNews(world);
    const ended = world.subscribe('news', { signal });
    const published = world.client.publish('news', 1, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    ended.subscription.unsubscribe();
    const { id } = await socket.next('publish');
    socket.send({ type: 'published', id, channel: 'news', offset: offset(2) } as never);
    await published;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('tells a listener that is added inside another from the next message on', async () => {
    world = new World();
    const { news, socket } = await subscribeToNews(world);
    const heard: unknown[] = [];
    const undo = news.subscription.on('message', () => {
      undo();
      news.subscription.on('message', ({ data }) => heard.push(data));
    });
    socket.send(message(2));
    socket.send(message(3));
    expect(heard).toEqual([3]);
  });

  it('never reaches the wire when its signal has already aborted', async () => {
    world = new World();
    const listening = world.subscribe('news', { signal: AbortSignal.abort() });
    expect(listening.subscription.state).toEqual({ type: 'closed', code: 'unsubscribed' });
    const socket = await world.network.sockets.next();
    await socket.accept();
    expect(socket.commands.waiting).toEqual([]);
  });

  it('after -1 is where the node says that history begins', async () => {
    world = new World();
    const { subscription } = world.subscribe('news', { after: '-1' });
    const socket = await world.network.sockets.next();
    await socket.accept();
    await resume(socket, 5);
    expect(subscription.offset).toBe(offset(5));
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
    await resume(socket, 0);
    socket.send(message(1));
    socket.send(message(2));
    expect(await socket.next('unsubscribe')).toMatchObject({ channels: ['news'] });
    expect(await socket.next('subscribe')).toMatchObject({ channels: { news: offset(1) } });
    expect(first.data).toEqual([1]);
  });

  it('that is made inside a listener begins with the next message', async () => {
    world = new World();
    const { news, socket } = await subscribeToNews(world);
    const late: Listening[] = [];
    news.subscription.on('message', () => {
      if (late.length < 100) late.push(world.subscribe('news'));
    });
    socket.send(message(2));
    expect(late).toHaveLength(1);
    expect(late[0]?.data).toEqual([]);
    expect(late[0]?.subscription.state).toEqual({ type: 'subscribed', offset: offset(2), recovered: true });
    socket.send(message(3));
    expect(late[0]?.data).toEqual([3]);
  });

  it('keeps its own position: another’s messages move it no more once it has ended', async () => {
    world = new World();
    const { news, socket } = await subscribeToNews(world);
    const other = world.subscribe('news');
    news.subscription.on('message', () => other.subscription.unsubscribe());
    socket.send(message(2));
    socket.send(message(3));
    news.subscription.unsubscribe();
    expect([other.data, other.subscription.offset]).toEqual([[], offset(1)]);
    expect(news.subscription.offset).toBe(offset(3));
  });

  it('a listener that an earlier one has taken away is not called any more', async () => {
    world = new World();
    const { news, socket } = await subscribeToNews(world);
    const heard: unknown[] = [];
    let undo = () => {};
    news.subscription.on('message', () => undo());
    undo = news.subscription.on('message', ({ data }) => heard.push(data));
    socket.send(message(2));
    expect(heard).toEqual([]);
  });

  it('that is made anew whenever it is closed does not keep `close` from ending', async () => {
    world = new World();
    let refused = 0;
    const rejoin = () => {
      if (refused > 100) return;
      try {
        const { subscription } = world.subscribe('news');
        subscription.on('state', ({ type }) => type === 'closed' && rejoin());
      } catch (error) {
        refused++;
        expect(error).toMatchObject({ name: 'FanfareError', code: 'closed' });
      }
    };
    rejoin();
    world.client.close();
    await settle();
    expect(refused).toBe(1);
    expect(world.client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
  });
});
