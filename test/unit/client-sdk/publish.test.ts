// Publishing: stored once, in order, repeated over reconnects, until a limit.

import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { assignment, OTHER, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

async function connected(options?: Partial<ClientOptions>) {
  world = new World(options);
  const first = world.client.publish('a', 0);
  const socket = await world.network.sockets.next();
  await socket.accept();
  const { id } = await socket.next('publish');
  socket.send({ type: 'published', id, channel: 'a', offset: offset(1) } as never);
  await first;
  return socket;
}

describe('publish over a WebSocket', () => {
  it('connects, and resolves with the offset', async () => {
    world = new World();
    const published = world.client.publish('chat:1', { text: 'hi' }, { key: 'k1' });
    const socket = await world.network.sockets.next();
    await socket.accept();
    const command = await socket.next('publish');
    expect(command).toEqual({ type: 'publish', id: 2, channel: 'chat:1', data: { text: 'hi' }, key: 'k1' });
    socket.send({ type: 'published', id: 2, channel: 'chat:1', offset: offset(7) } as never);
    expect(await published).toEqual({ offset: offset(7) });
  });

  it('repeats the same bytes with the same key over the next link, in order', async () => {
    let serial = 0;
    const socket = await connected({ random: () => (++serial % 7) / 10 });
    const data = { n: 1 };
    const published = [world.client.publish('a', data), world.client.publish('b', null)];
    data.n = 2;
    const first = await socket.next('publish');
    const second = await socket.next('publish');
    expect([first.data, second.data]).toEqual([{ n: 1 }, null]);
    expect(first.key).not.toBe(second.key);
    socket.close();
    await world.clock.advance(250);
    const next = await world.network.sockets.next();
    await next.accept();
    for (const before of [first, second]) {
      const again = await next.next('publish');
      expect({ ...again, id: 0 }).toEqual({ ...before, id: 0 });
      next.send({ type: 'published', id: again.id, channel: 'a', offset: offset(before.id) } as never);
    }
    expect(await Promise.all(published)).toEqual([{ offset: offset(first.id) }, { offset: offset(second.id) }]);
  });

  it('has at most 16 on their way, and sends the next as answers come', async () => {
    const socket = await connected();
    const published = Array.from({ length: 20 }, (_, n) => world.client.publish(`a:${n}`, n));
    for (let n = 0; n < 16; n++) {
      const { id, data } = await socket.next('publish');
      expect(data).toBe(n);
      if (n === 0) expect(socket.commands.waiting).toHaveLength(15);
      socket.send({ type: 'published', id, channel: 'a', offset: offset(n) } as never);
    }
    for (let n = 16; n < 20; n++) {
      const { id } = await socket.next('publish');
      socket.send({ type: 'published', id, channel: 'a', offset: offset(n) } as never);
    }
    expect(await Promise.all(published)).toHaveLength(20);
  });

  it('pauses when the node asks for it, and then repeats', async () => {
    const socket = await connected();
    const published = [world.client.publish('a', 1), world.client.publish('b', 2)];
    for (const _ of published) {
      const { id } = await socket.next('publish');
      socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 400 });
    }
    await world.clock.advance(1_399);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    for (const n of [1, 2]) {
      const { id, data } = await socket.next('publish');
      expect(data).toBe(n);
      socket.send({ type: 'published', id, channel: 'a', offset: offset(n) } as never);
    }
    await Promise.all(published);
  });

  it('keeps the pause when another is answered meanwhile', async () => {
    const socket = await connected();
    const published = [world.client.publish('a', 1), world.client.publish('b', 2)];
    const [refused, answered] = [await socket.next('publish'), await socket.next('publish')];
    socket.send({ type: 'error', id: refused.id, code: 'rate_limited', message: 'slowly', retryAfterMs: 400 });
    socket.send({ type: 'published', id: answered.id, channel: 'b', offset: offset(2) } as never);
    await world.clock.advance(400);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1_000);
    const { id, data } = await socket.next('publish');
    expect(data).toBe(1);
    socket.send({ type: 'published', id, channel: 'a', offset: offset(3) } as never);
    await Promise.all(published);
  });

  it('keeps the order of a channel though a node refuses one for now and would take the next', async () => {
    const socket = await connected();
    const stored: unknown[] = [];
    const published = [1, 2, 3].map((n) => world.client.publish('a', n));
    for (let seen = 0; stored.length < 3; seen++) {
      const { id, data } = await socket.next('publish');
      if (seen === 0) socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 100 });
      else {
        stored.push(data);
        socket.send({ type: 'published', id, channel: 'a', offset: offset(seen) } as never);
      }
      if (seen === 0) await world.clock.advance(2_000);
    }
    expect(stored).toEqual([1, 2, 3]);
    await Promise.all(published);
  });

  it('rejects with the code of a final refusal, and keeps the link', async () => {
    const socket = await connected();
    const published = world.client.publish('a', 1);
    const { id } = await socket.next('publish');
    socket.send({ type: 'error', id, channel: 'a', code: 'forbidden', message: 'no grant' });
    await expect(published).rejects.toMatchObject({ code: 'forbidden', message: 'no grant' });
    expect(world.client.state.type).toBe('connected');
  });

  it('rejects what the node would close the link for, counted in bytes', async () => {
    const socket = await connected();
    await expect(world.client.publish('a', 'ä'.repeat(40_000))).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(socket.commands.waiting).toEqual([]);
    const published = world.client.publish('a', 'a'.repeat(40_000));
    const { id } = await socket.next('publish');
    socket.send({ type: 'published', id, channel: 'a', offset: offset(9) } as never);
    await published;
  });

  it('rejects after the limit', async () => {
    world = new World();
    world.network.discovery = (request) => request.fail();
    const published = world.client.publish('a', 1);
    const refused = expect(published).rejects.toMatchObject({ code: 'timeout' });
    await world.clock.advance(30_000);
    await refused;
  });

  it('rejects when its signal aborts, before or later', async () => {
    const socket = await connected();
    const controller = new AbortController();
    const published = world.client.publish('a', 1, { signal: controller.signal });
    await socket.next('publish');
    controller.abort();
    await expect(published).rejects.toMatchObject({ code: 'aborted' });
    await expect(world.client.publish('a', 1, { signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(socket.commands.waiting).toEqual([]);
  });

  it('rejects when too many wait, and everything at `close`', async () => {
    world = new World();
    world.network.discovery = undefined;
    const waiting = Array.from({ length: 1_000 }, (_, n) => world.client.publish('a', n));
    await expect(world.client.publish('a', 3)).rejects.toMatchObject({ code: 'overflow' });
    const closed = waiting.map((published) => expect(published).rejects.toMatchObject({ code: 'closed' }));
    world.client.close();
    await Promise.all(closed);
  });
});

describe('publish and close', () => {
  it('sends nothing more once the client is closed', async () => {
    const socket = await connected();
    const published = Array.from({ length: 20 }, (_, n) => world.client.publish(`a:${n}`, n));
    const closed = published.map((one) => expect(one).rejects.toMatchObject({ code: 'closed' }));
    world.client.close();
    await Promise.all(closed);
    expect(socket.commands.waiting).toHaveLength(16);
  });
});

describe('publish over HTTP', () => {
  it('posts one after the other with the ticket', async () => {
    world = new World({ transports: ['short-poll'] });
    const published = [world.client.publish('a', 1), world.client.publish('a', 2)];
    await world.clock.advance(0);
    const first = await world.network.request('/v1/publish');
    expect(first.url).toBe('http://n1.test/v1/publish');
    expect(first.token).toBe('t1');
    expect(first.body).toMatchObject({ channel: 'a', data: 1 });
    expect(world.network.waiting('/v1/publish')).toEqual([]);
    first.answer(200, { channel: 'a', offset: offset(1) });
    const second = await world.network.request('/v1/publish');
    second.answer(200, { channel: 'a', offset: offset(2) });
    expect(await Promise.all(published)).toEqual([{ offset: offset(1) }, { offset: offset(2) }]);
  });

  it('repeats what was not read in time: 408 is nobody’s final word', async () => {
    world = new World({ transports: ['short-poll'] });
    const published = world.client.publish('a', 1);
    await world.clock.advance(0);
    (await world.network.request('/v1/publish')).refuse(408, 'request_timeout');
    await world.clock.advance(2_000);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
    expect(await published).toEqual({ offset: offset(1) });
  });

  it('repeats what was answered by somebody who is no node', async () => {
    world = new World({ transports: ['short-poll'] });
    const published = world.client.publish('a', 1);
    await world.clock.advance(0);
    (await world.network.request('/v1/publish')).answer(200, {});
    await world.clock.advance(2_000);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
    expect(await published).toEqual({ offset: offset(1) });
  });

  it('repeats after a failure and after an answer that does not come, in order', async () => {
    world = new World({ transports: ['short-poll'] });
    const published = [world.client.publish('a', 1), world.client.publish('a', 2)];
    await world.clock.advance(0);
    const first = await world.network.request('/v1/publish');
    first.fail();
    await world.clock.advance(1_000);
    const again = await world.network.request('/v1/publish');
    expect(again.body).toEqual(first.body);
    await world.clock.advance(10_000);
    expect(again.aborted).toBe(true);
    await world.clock.advance(1_000);
    const third = await world.network.request('/v1/publish');
    expect(third.body).toEqual(first.body);
    third.refuse(504, 'ack_timeout', { outcome: 'unknown' });
    await world.clock.advance(1_000);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(2) });
    expect(await Promise.all(published)).toHaveLength(2);
  });

  it.each(['sse', 'long-poll', 'short-poll'] as const)(
    'goes to another node over %s where its own is gone and no channel would show it',
    async (transport) => {
      for (const go of [
        (request: FakeRequest) => request.fail(),
        (request: FakeRequest) => request.refuse(503, 'draining'),
        (request: FakeRequest) => request.refuse(502, ''),
      ]) {
        world = new World({ transports: [transport] });
        const published = world.client.publish('a', 1);
        await world.clock.advance(0);
        const first = await world.network.request('/v1/publish');
        world.network.discovery = (request) => request.answer(200, assignment({ node: OTHER, alternatives: [] }));
        go(first);
        await world.clock.advance(2_000);
        const again = await world.network.request('/v1/publish');
        expect(again.url).toBe('http://n2.test/v1/publish');
        expect(again.body).toEqual(first.body);
        again.answer(200, { channel: 'a', offset: offset(1) });
        expect(await published).toEqual({ offset: offset(1) });
        world.client.close();
      }
    },
  );

  it('stays where it is while the node lives and its broker does not', async () => {
    world = new World({ transports: ['long-poll'] });
    const published = world.client.publish('a', 1);
    await world.clock.advance(0);
    (await world.network.request('/v1/publish')).refuse(503, 'broker_unavailable');
    await world.clock.advance(2_000);
    const again = await world.network.request('/v1/publish');
    expect(again.url).toBe('http://n1.test/v1/publish');
    again.answer(200, { channel: 'a', offset: offset(1) });
    await published;
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('gets a fresh ticket when its ticket is refused, and repeats', async () => {
    world = new World({ transports: ['short-poll'] });
    const published = world.client.publish('a', 1);
    await world.clock.advance(0);
    (await world.network.request('/v1/publish')).refuse(401, 'token_expired');
    await world.clock.advance(1_000);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
    expect(await published).toEqual({ offset: offset(1) });
    expect(world.stateTypes).toEqual(['connecting', 'connected', 'waiting', 'connecting', 'connected']);
  });
});
