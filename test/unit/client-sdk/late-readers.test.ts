// Several subscriptions to one channel that begin at different places: each is given what it asked for, then all go on together.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { held, readingFrom5 } from './fakes/early-reader.js';
import type { FakeRequest, FakeSocket } from './fakes/fake-network.js';
import { message, resume } from './fakes/socket-server.js';
import { type Listening, offset, type World } from './fakes/world.js';

let world: World;
let socket: FakeSocket;
let first: Listening;

beforeEach(async () => {
  ({ world, socket, first } = await readingFrom5());
});
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});
const settle = () => world.clock.advance(0);
const poll = () => world.network.request('/v1/poll');

describe('a later subscription', () => {
  it('is told of nothing left out, and given nothing twice, where history has what its link leaves out', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request = await poll();
    const gap = { type: 'gap', channel: 'news', after: offset(6), offset: offset(8), reason: 'conflated' };
    socket.send(message(6));
    socket.send(gap);
    socket.send(message(9));
    request.answer(200, held(11, [6, 7, 8, 9, 10, 11]));
    await settle();
    for (const n of [10, 11, 12]) socket.send(message(n));
    expect(late.data).toEqual([6, 7, 8, 9, 10, 11, 12]);
    expect(late.gaps).toEqual([]);
  });

  it('goes on with its link where that leaves out what it has had, and asks no more', async () => {
    const late = world.subscribe('news', { after: '-1' });
    (await poll()).answer(200, held(8, [6, 7, 8]));
    await settle();
    // The channel is at 5, and what was left out lies between.
    socket.send({ ...message(10), skipped: 4 } as never);
    socket.send({ ...message(14), skipped: 3 } as never);
    expect(late.data).toEqual([6, 7, 8, 10, 14]);
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('is given history first, and nothing twice of what comes meanwhile', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request = await poll();
    expect(request.url).toBe('http://n1.test/v1/poll');
    expect(request.token).toBe('t1');
    expect(request.body).toEqual({ channels: { news: '-1' }, waitMs: 0, features: ['positions'] });
    expect(late.subscription.state).toEqual({ type: 'pending' });
    socket.send(message(7));
    socket.send(message(8));
    request.answer(200, held(7, [4, 5, 6, 7]));
    await settle();
    socket.send(message(9));
    expect(late.data).toEqual([4, 5, 6, 7, 8, 9]);
    expect(first.data).toEqual([6, 7, 8, 9]);
    expect(late.states).toMatchObject([{ type: 'subscribed', recovered: true }]);
    expect(socket.commands.waiting).toEqual([]);
  });

  it('asks on while there is more', async () => {
    const late = world.subscribe('news', { after: offset(1) });
    (await poll()).answer(200, held(3, [2, 3], { more: true }));
    const second = await poll();
    expect(second.body).toMatchObject({ channels: { news: offset(3) } });
    second.answer(200, held(6, [4, 5, 6]));
    await settle();
    expect(late.data).toEqual([2, 3, 4, 5, 6]);
    // Nothing waits for an answer any more.
    expect(world.clock.delays).not.toContain(10_000);
    expect(late.subscription.offset).toBe(offset(6));
  });

  it('asks on after a pause only where more of nothing is said to be there', async () => {
    const late = world.subscribe('news', { after: offset(1) });
    (await poll()).answer(200, held(1, [], { more: true }));
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    await world.clock.advance(1_000);
    (await poll()).answer(200, held(6, [2, 3, 4, 5, 6]));
    await settle();
    expect(late.data).toEqual([2, 3, 4, 5, 6]);
  });

  it.each(['lost', 'replaced'] as const)(
    'that is ahead of its channel asks history when the link is %s: it may know more',
    async (how) => {
      const late = world.subscribe('news', { after: '-1' });
      (await poll()).answer(200, held(8, [7, 8]));
      await settle();
      if (how === 'lost') socket.close();
      else socket.send({ type: 'move', withinMs: 5_000, reason: 'draining' } as never);
      await world.clock.advance(250);
      const next = await world.network.sockets.next();
      await next.accept();
      expect((await resume(next, 6)).channels).toEqual({ news: offset(6) });
      const request = await poll();
      expect(request.body.channels).toEqual({ news: offset(8) });
      const gap = { after: offset(8), offset: offset(7), reason: 'rewritten' };
      request.answer(200, held(7, [], { gap }));
      await settle();
      expect(late.gaps).toMatchObject([gap]);
      expect(late.subscription.offset).toBe(offset(7));
      next.send(message(7));
      next.send(message(9));
      expect(late.data).toEqual([7, 8, 9]);
      expect(first.data).toEqual([6, 7, 9]);
      expect(world.network.waiting('/v1/poll')).toEqual([]);
    },
  );

  it('is told a gap when history has moved on', async () => {
    const late = world.subscribe('news', { after: offset(1) });
    const gap = { after: offset(1), offset: offset(4), reason: 'trimmed' };
    (await poll()).answer(200, held(6, [5, 6], { gap }));
    await settle();
    expect(late.gaps).toMatchObject([{ channel: 'news', ...gap }]);
    expect(late.states).toEqual([{ type: 'subscribed', offset: offset(4), recovered: false }]);
    expect(late.data).toEqual([5, 6]);
  });

  it('waits for the channel where nobody knows yet where it is', async () => {
    world.subscribe('more');
    const command = await socket.next('subscribe');
    const late = world.subscribe('more', { after: '-1' });
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    socket.send({ type: 'subscribed', id: command.id, channel: 'more', offset: offset(3), recovered: true } as never);
    (await poll()).answer(200, {
      channels: { more: { offset: offset(3), messages: [{ offset: offset(3), data: 3 }] } },
    });
    await settle();
    socket.send(message(4, 'more'));
    expect(late.data).toEqual([3, 4]);
  });

  it('that is ahead of the others drops what lies before it', async () => {
    const ahead = world.subscribe('news', { after: offset(8) });
    for (const n of [7, 8, 9]) socket.send(message(n));
    expect(ahead.data).toEqual([9]);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('that was ahead of its channel when the log was written anew is told so before what comes then', async () => {
    const late = world.subscribe('news', { last: 1 });
    (await poll()).answer(200, held(8, [8]));
    const ahead = world.subscribe('news', { after: offset(9) });
    await settle();
    const anew = offset(7).replace('012-', '013-');
    const gapAfter = (n: number) => ({ after: offset(n), offset: offset(6), reason: 'rewritten' });
    const answer = (n: number) => ({
      channels: { news: { offset: anew, messages: [{ offset: anew, data: 'anew' }], gap: gapAfter(n) } },
    });
    socket.send({ type: 'message', channel: 'news', offset: anew, data: 'anew' });
    for (const n of [8, 9]) {
      const request = await poll();
      expect(request.body.channels).toEqual({ news: offset(n) });
      request.answer(200, answer(n));
    }
    await settle();
    expect([late.gaps, ahead.gaps]).toMatchObject([[gapAfter(8)], [gapAfter(9)]]);
    const next = offset(8).replace('012-', '013-');
    socket.send({ type: 'message', channel: 'news', offset: next, data: 'next' });
    expect([first.data, late.data, ahead.data]).toEqual([
      [6, 'anew', 'next'],
      [8, 'anew', 'next'],
      ['anew', 'next'],
    ]);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('that begins with its channel at history’s beginning asks nothing but that', async () => {
    const begun = world.subscribe('more', { after: '-1' });
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'subscribed', id, channel: 'more', offset: offset(3), recovered: true } as never);
    for (const n of [4, 5]) socket.send(message(n, 'more'));
    expect(begun.data).toEqual([4, 5]);
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('asks again after a failure, also over another link', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request = await poll();
    socket.close();
    request.fail();
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    await next.accept();
    await resume(next, 6);
    next.send(message(7));
    await world.clock.advance(2_000);
    (await poll()).answer(200, held(7, [6, 7]));
    await settle();
    expect(late.data).toEqual([6, 7]);
  });

  it('asks once where the link comes back before it would have asked again, and brings nothing twice', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request = await poll();
    socket.send({ type: 'message', channel: 'news', data: 'live' } as never);
    socket.close();
    request.refuse(503, 'broker_unavailable', { retryAfterMs: 5_000 });
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    await next.accept();
    await resume(next, 6);
    (await poll()).answer(200, held(6, [6]));
    await world.clock.advance(7_000);
    expect(world.network.waiting('/v1/poll')).toEqual([]);
    expect(late.data).toEqual([6, 'live']);
  });

  it('gives a request up that brings nothing for 10 s, not one that is slow', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const slow = await poll();
    slow.stream();
    const text = JSON.stringify(held(6, [6]));
    for (const character of text.slice(0, 5)) {
      socket.send({ type: 'heartbeat' });
      await world.clock.advance(9_000);
      slow.write(character);
    }
    slow.write(text.slice(5));
    slow.end();
    await settle();
    expect(late.data).toEqual([6]);
    const dead = world.subscribe('news', { after: '-1' });
    const request = await poll();
    await world.clock.advance(10_000);
    expect(request.aborted).toBe(true);
    dead.subscription.unsubscribe();
  });

  it('asks for half of what had come when an answer is cut midway', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const cut = await poll();
    cut.stream();
    cut.write('{"channels":'.padEnd(10_000, ' '));
    await settle();
    cut.cut();
    const next = await poll();
    expect(next.body).toMatchObject({ channels: { news: '-1' }, maxBytes: 5_000 });
    next.answer(200, held(6, [6]));
    await settle();
    expect(late.data).toEqual([6]);
  });

  it('ends with the code of a final refusal, and leaves the others alone', async () => {
    const late = world.subscribe('news', { after: '-1' });
    (await poll()).refuse(403, 'forbidden_channel', { channels: ['news'] });
    await settle();
    expect(late.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    socket.send(message(7));
    expect(first.data).toEqual([6, 7]);
    expect(world.errors).toMatchObject([{ code: 'forbidden_channel' }]);
  });

  it('keeps no more than 1,000 messages while it asks: history has them too', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request = await poll();
    const numbers = Array.from({ length: 1_500 }, (_, n) => 7 + n);
    for (const n of numbers) socket.send(message(n));
    request.answer(200, held(6, [6]));
    (await poll()).answer(200, held(1_506, numbers));
    await settle();
    socket.send(message(1_507));
    expect(late.data).toEqual([6, ...numbers, 1_507]);
  });

  it('leaves nothing open when it ends or the client is closed', async () => {
    const late = world.subscribe('news', { after: '-1' });
    const request: FakeRequest = await poll();
    world.client.close();
    expect(request.aborted).toBe(true);
    expect(late.subscription.state).toEqual({ type: 'closed', code: 'closed' });
  });
});
