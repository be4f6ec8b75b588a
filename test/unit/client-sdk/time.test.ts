// Durations go by a clock that nobody sets, no delay is longer or shorter than a timer can hold, and what comes slowly is not late.

import { afterEach, describe, expect, it } from 'vitest';
import { backoff } from '../../../client-sdk/backoff.js';
import { createTimers } from '../../../client-sdk/timers.js';
import { FakeClock } from './fakes/fake-clock.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { assignment, emitPageEvent, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
});
const settle = () => world.clock.advance(0);
const HOUR_MS = 3_600_000;

describe('somebody sets the system’s clock', () => {
  it.each([-HOUR_MS, HOUR_MS])('by %i ms: a dead link is noticed all the same, a living one is kept', async (byMs) => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    world.clock.set(byMs);
    await world.clock.advance(20_000);
    expect(world.client.state.type).toBe('connected');
    socket.send({ type: 'heartbeat' });
    world.clock.set(byMs);
    await world.clock.advance(29_000);
    expect(world.states).toContainEqual(expect.objectContaining({ type: 'waiting', cause: 'timeout' }));
  });

  it('by an hour back: the ticket is renewed when it is time', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    world.clock.set(-HOUR_MS);
    for (let n = 0; n < 160; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(HOUR_MS * 0.005);
    }
    await world.network.request('/v1/ticket');
  });

  it('by a day back: what was remembered of a transport ends all the same', async () => {
    const tomorrow = String(1_800_000_000_000 + 24 * HOUR_MS);
    world = new World({ storage: { getItem: () => `1 ${tomorrow}`, setItem() {} } });
    world.clock.set(-24 * HOUR_MS);
    await world.clock.advance(300_000);
    world.subscribe('news');
    await world.network.sockets.next();
  });
});

describe('a delay', () => {
  it.each([
    ['30 days in a header', {}, { 'Retry-After': '2592000' }],
    ['30 days in the body', { retryAfterMs: 2_592_000_000 }, {}],
    ['a date far away', {}, { 'Retry-After': 'Fri, 31 Dec 2100 23:59:59 GMT' }],
  ])('that a server asks for, %s, is five minutes at most', async (_what, more, headers) => {
    world = new World();
    let asked = 0;
    world.network.discovery = (request) => {
      asked++;
      request.refuse(503, 'no_capacity', more, headers);
    };
    world.subscribe('news');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 300_250 });
    await world.clock.advance(300_000);
    expect(asked).toBe(1);
    await world.clock.advance(250);
    expect(asked).toBe(2);
  });

  it.each([
    ['a text', { retryAfterMs: 'soon' }],
    ['negative', { retryAfterMs: -5_000 }],
    ['nothing that is known', { retryAfterMs: null }],
  ])('that a server asks for, %s, is an ordinary one', async (_what, more) => {
    world = new World();
    world.network.discovery = (request) => request.refuse(503, 'no_capacity', more);
    world.subscribe('news');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 250 });
  });

  it('that a proxy asks for is ten seconds at most, and ends when the page is seen again', async () => {
    world = new World();
    let asked = 0;
    world.network.discovery = (request) => {
      asked++;
      request.answer(503, 'maintenance', { 'Retry-After': '86400' });
    };
    world.subscribe('news');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 10_250, cause: 'http_503' });
    await world.clock.advance(1_000);
    emitPageEvent('online');
    await settle();
    expect(asked).toBe(2);
  });

  it('is twenty seconds at most where no server has asked for it: what stands in between may be gone at any time', async () => {
    world = new World({ random: () => 0.999 });
    let asked = 0;
    world.network.discovery = (request) => {
      asked++;
      request.answer(503, 'maintenance', { 'Retry-After': '86400' });
    };
    world.subscribe('news');
    await world.clock.advance(60_000);
    for (let tries = 0; tries < 10; tries++) {
      const before = asked;
      await world.clock.advance(20_000);
      expect(asked).toBeGreaterThan(before);
    }
  });

  it('of a ticket that lives for 40 days makes no storm', async () => {
    world = new World();
    world.network.discovery = (request) => request.answer(200, assignment({ expiresInMs: 40 * 24 * HOUR_MS }));
    const { socket } = await subscribeToNews(world);
    for (let n = 0; n < 10; n++) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(5_000);
    }
    expect(world.network.waiting('/v1/ticket')).toEqual([]);
  });

  it('is one that a timer can hold, whatever it is set to', () => {
    const clock = new FakeClock();
    const timers = createTimers(clock);
    const fired: number[] = [];
    for (const ms of [Number.POSITIVE_INFINITY, 2 ** 31, -1, Number.NaN]) timers.set(() => fired.push(ms), ms);
    expect(clock.delays).toEqual([0, 0, 2_000_000_000, 2_000_000_000]);
    timers.clear();
    expect(backoff(0, 0.5, { retryAfterMs: Number.NaN })).toBe(250);
    expect(backoff(2_000, 0.5, { retryAfterMs: Number.POSITIVE_INFINITY })).toBe(310_000);
  });

  it('that is over leaves nothing behind: a short poll whose channels change holds one timer', async () => {
    world = new World({ transports: ['short-poll'] });
    const answer = async () => {
      const request = await world.network.request('/v1/poll');
      const channels = Object.keys(request.body.channels as object).map((name) => [
        name,
        { offset: offset(1), messages: [] },
      ]);
      request.answer(200, { channels: Object.fromEntries(channels) });
      await settle();
    };
    world.subscribe('news');
    await settle();
    await answer();
    const before = world.clock.pending;
    for (let n = 0; n < 5; n++) {
      const { subscription } = world.subscribe('more');
      await world.clock.advance(200);
      await answer();
      subscription.unsubscribe();
      await world.clock.advance(200);
      await answer();
    }
    expect(world.clock.pending).toBeLessThanOrEqual(before);
  });
});

describe('an answer that comes slowly', () => {
  const body = JSON.stringify({
    channels: { news: { offset: offset(2), messages: [{ offset: offset(2), data: 'ä'.repeat(20) }] } },
  });
  const bytes = (from: number, to: number) => body.slice(from, to);

  it.each(['long-poll', 'short-poll'] as const)('is taken, over %s: it is progress', async (transport) => {
    world = new World({ transports: [transport] });
    const news = world.subscribe('news', { after: offset(1) });
    const poll = await world.network.request('/v1/poll');
    poll.stream();
    for (let n = 0; n < 8; n++) {
      await world.clock.advance(5_000);
      poll.write(bytes(n * 5, n * 5 + 5));
    }
    poll.write(bytes(40, body.length));
    poll.end();
    await settle();
    expect(news.data).toEqual(['ä'.repeat(20)]);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
    expect(world.errors).toEqual([]);
  });

  it('needs no other transport beside it while it goes on', async () => {
    world = new World({ transports: ['long-poll', 'short-poll'] });
    world.subscribe('news', { after: offset(1) });
    const poll = await world.network.request('/v1/poll');
    poll.stream();
    for (let n = 0; n < 8; n++) {
      await world.clock.advance(3_000);
      poll.write(bytes(n * 5, n * 5 + 5));
    }
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('is taken while it is connected, too', async () => {
    world = new World({ transports: ['long-poll'] });
    const news = world.subscribe('news', { after: offset(1) });
    (await world.network.request('/v1/poll')).answer(204);
    const poll = await world.network.request('/v1/poll');
    poll.stream();
    for (let n = 0; n < 8; n++) {
      await world.clock.advance(20_000);
      poll.write(bytes(n * 5, n * 5 + 5));
    }
    poll.write(bytes(40, body.length));
    poll.end();
    await settle();
    expect(news.data).toHaveLength(1);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('and stops coming is given up', async () => {
    world = new World({ transports: ['long-poll'] });
    world.subscribe('news', { after: offset(1) });
    const poll = await world.network.request('/v1/poll');
    poll.stream();
    poll.write(bytes(0, 5));
    await world.clock.advance(9_999);
    expect(poll.aborted).toBe(false);
    await world.clock.advance(1);
    expect(poll.aborted).toBe(true);
  });
});

describe('changes of the channels', () => {
  it('go out as they come while they are few, and then gathered: a list that scrolls stays below the limits', async () => {
    world = new World();
    const { socket } = await subscribeToNews(world);
    let commands = 0;
    for (let row = 0; row < 300; row++) {
      const { subscription } = world.subscribe(`row:${row}`);
      world.clock.setTimeout(() => subscription.unsubscribe(), 300);
      if (row % 30 === 0) socket.send({ type: 'heartbeat' });
      await world.clock.advance(33);
      for (const { type, id, channels } of socket.commands.takeAll()) {
        commands++;
        const names = Array.isArray(channels) ? channels : Object.keys(channels as object);
        for (const channel of names) {
          const answer =
            type === 'subscribe'
              ? { type: 'subscribed', offset: offset(1), recovered: true }
              : { type: 'unsubscribed' };
          socket.send({ ...answer, id, channel } as never);
        }
      }
    }
    expect(commands).toBeLessThan(140);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1_000);
    expect(socket.commands.waiting.at(-1)).toMatchObject({ type: 'unsubscribe' });
  });
});
