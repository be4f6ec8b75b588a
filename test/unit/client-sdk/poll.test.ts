// The SDK over polls: positions, `more`, pauses.

import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../../client-sdk/types.js';
import { news, polling, pollsIn } from './fakes/polling.js';
import { offset, World } from './fakes/world.js';

let world: World;
const { settle, poll, none } = pollsIn(() => world);
async function pollingWith(options: Partial<ClientOptions>) {
  world = new World(options);
  return polling(world);
}

describe('long polls', () => {
  const long = { transports: ['long-poll' as const] };

  it('asks for a position first, without waiting, and then waits from it', async () => {
    world = new World(long);
    const listening = world.subscribe('news');
    const first = await poll();
    expect(first.body).toEqual({ channels: { news: 'now' }, waitMs: 0, maxBytes: 65_536, features: ['positions'] });
    expect(first.token).toBe('t1');
    first.answer(200, news(1));
    const second = await poll();
    expect(second.body).toEqual({
      channels: { news: offset(1) },
      waitMs: 25_000,
      maxBytes: 65_536,
      features: ['positions'],
    });
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'long-poll' });
    expect(listening.subscription.state).toMatchObject({ type: 'subscribed', offset: offset(1), recovered: true });
    second.answer(200, news(3, [2, 3]));
    expect((await poll()).body).toMatchObject({ channels: { news: offset(3) } });
    expect(listening.data).toEqual([2, 3]);
  });

  it('is given up when its answer is 3.75 s late', async () => {
    await pollingWith(long);
    const waiting = await poll();
    await world.clock.advance(28_749);
    expect(world.client.state.type).toBe('connected');
    await world.clock.advance(1);
    expect(world.states).toContainEqual(expect.objectContaining({ type: 'waiting', cause: 'timeout' }));
    expect(waiting.aborted).toBe(true);
  });

  it('is subscribed where it was when a first poll brings nothing', async () => {
    world = new World(long);
    const listening = world.subscribe('news', { after: offset(4) });
    (await poll()).answer(204);
    expect((await poll()).body).toEqual({
      channels: { news: offset(4) },
      waitMs: 25_000,
      maxBytes: 65_536,
      features: ['positions'],
    });
    expect(listening.states).toMatchObject([{ type: 'subscribed', offset: offset(4), recovered: true }]);
  });

  it('tells a gap before the messages after it', async () => {
    world = new World(long);
    const listening = world.subscribe('news', { after: offset(1) });
    const gap = { after: offset(1), offset: offset(5), reason: 'trimmed' };
    (await poll()).answer(200, news(6, [6], { gap }));
    expect((await poll()).body).toMatchObject({ channels: { news: offset(6) } });
    expect(listening.states).toMatchObject([{ recovered: false }]);
    expect(listening.gaps).toMatchObject([{ channel: 'news', ...gap }]);
    expect(listening.data).toEqual([6]);
  });

  it('asks anew when the channels change, and ends the wait when that is answered', async () => {
    const listening = await pollingWith(long);
    const waiting = await poll();
    world.subscribe('more');
    const next = await poll();
    expect(waiting.aborted).toBe(false);
    expect(next.body).toEqual({
      channels: { news: offset(1), more: 'now' },
      waitMs: 0,
      maxBytes: 65_536,
      features: ['positions'],
    });
    next.answer(200, { channels: { ...news(2, [2]).channels, more: { offset: offset(9), messages: [] } } });
    expect((await poll()).body).toMatchObject({
      channels: { news: offset(2), more: offset(9) },
      waitMs: 25_000,
      maxBytes: 65_536,
    });
    expect(waiting.aborted).toBe(true);
    expect(listening.data).toEqual([2]);
  });

  it('takes what the old wait brings before the new answer, once', async () => {
    const listening = await pollingWith(long);
    const waiting = await poll();
    world.subscribe('more');
    const next = await poll();
    waiting.answer(200, news(2, [2]));
    await settle();
    next.answer(200, { channels: { ...news(3, [2, 3]).channels, more: { offset: offset(9), messages: [] } } });
    await settle();
    expect(listening.data).toEqual([2, 3]);
  });

  it('asks again for what stalls midway while the old wait goes on: no channel stays deaf', async () => {
    await pollingWith(long);
    const waiting = await poll();
    world.subscribe('more');
    const next = await poll();
    next.stream();
    next.write('{"channels":');
    await world.clock.advance(9_999);
    expect(next.aborted).toBe(false);
    await world.clock.advance(1);
    expect([next.aborted, waiting.aborted]).toEqual([true, false]);
    expect((await poll()).body).toMatchObject({ channels: { more: 'now' } });
  });

  it('takes an answer for a sign of life, an empty one too', async () => {
    await pollingWith(long);
    for (let waits = 0; waits < 4; waits++) {
      const waiting = await poll();
      await world.clock.advance(25_000);
      waiting.answer(204);
      await settle();
    }
    await poll();
    none();
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('does not end the wait for a publish', async () => {
    await pollingWith(long);
    const waiting = await poll();
    void world.client.publish('news', 1).catch(() => {});
    await settle();
    expect(waiting.aborted).toBe(false);
    none();
  });

  it('moves when an answer says so, and goes on polling until then', async () => {
    const listening = await pollingWith(long);
    world.network.discovery = undefined;
    (await poll()).answer(204, undefined, { 'Fanfare-Move': '1' });
    const request = await world.network.request('/v1/connect');
    expect(request.body).toMatchObject({ exclude: ['n1'] });
    (await poll()).answer(200, news(2, [2]));
    await settle();
    expect(listening.data).toEqual([2]);
    expect(world.client.state.type).toBe('connected');
  });

  it('waits when it is rate limited, without losing its link', async () => {
    await pollingWith(long);
    (await poll()).refuse(429, 'rate_limited', { retryAfterMs: 3_000 });
    await world.clock.advance(2_999);
    none();
    await world.clock.advance(5_000);
    await poll();
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('gets a fresh ticket when the ticket has ended', async () => {
    await pollingWith(long);
    (await poll()).refuse(401, 'token_expired');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
    await world.clock.advance(250);
    expect((await poll()).body).toMatchObject({ channels: { news: offset(1) } });
  });

  it('reads a channel named like what every object has', async () => {
    world = new World(long);
    const listening = world.subscribe('constructor', { after: offset(1) });
    world.subscribe('__proto__');
    (await poll()).answer(200, `{"channels":{"__proto__":{"offset":"${offset(1)}","messages":[]}}}`);
    expect((await poll()).body).toMatchObject({
      channels: { constructor: offset(1) },
      waitMs: 25_000,
      maxBytes: 65_536,
    });
    expect(listening.gaps).toEqual([]);
  });

  it('gives up on an answer that is not JSON', async () => {
    await pollingWith(long);
    (await poll()).answer(200, '<html>');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'network' });
  });
});

describe('short polls', () => {
  const short = { transports: ['short-poll' as const], pollIntervalMs: 1_000 };

  it('asks at its interval, never waiting', async () => {
    const listening = await pollingWith(short);
    none();
    await world.clock.advance(1_000);
    const second = await poll();
    expect(second.body).toEqual({
      channels: { news: offset(1) },
      waitMs: 0,
      maxBytes: 65_536,
      features: ['positions'],
    });
    second.answer(200, news(2, [2]));
    await world.clock.advance(999);
    none();
    await world.clock.advance(1);
    await poll();
    expect(listening.data).toEqual([2]);
  });

  it('asks again at once while there is more', async () => {
    await pollingWith(short);
    await world.clock.advance(1_000);
    (await poll()).answer(200, news(2, [2], { more: true }));
    expect((await poll()).body).toMatchObject({ channels: { news: offset(2) } });
  });

  it('is connected without a channel to poll for', async () => {
    world = new World(short);
    const { subscription } = world.subscribe('news');
    subscription.unsubscribe();
    await settle();
    expect(world.client.state.type).toBe('connected');
    none();
  });
});
