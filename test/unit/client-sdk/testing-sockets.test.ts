// The server in memory that applications test with: what it says on its sockets, over a network that may be slow, and how its logs tell the time.

import { describe, expect, it } from 'vitest';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import { Server } from '../../../client-sdk/testing/server.js';
import { createWebSocket } from '../../../client-sdk/testing/socket.js';
import { beginsAnew, clock, dial, post, server, settle, start } from './fakes/spoken-server.js';

beginsAnew();

describe('a socket', () => {
  it('is told who it is, what a node takes, and its heartbeat', async () => {
    const { send, told, opened } = dial();
    await settle();
    expect(opened()).toBe(1);
    send({ type: 'connect', id: 1 });
    await settle();
    const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };
    const connection = expect.stringMatching(/^c-test\.\d+$/);
    expect(told).toEqual([
      { type: 'connected', connection, node: 'n1', user: 'anna', heartbeatMs: 7_000, limits, id: 1 },
    ]);
  });

  it('has each of its commands answered, with what a person can read where that is no', async () => {
    server.forbid('secret');
    const { send, told } = dial();
    await settle();
    send({ type: 'refresh', id: 1, token: 't' });
    send({ type: 'publish', id: 2, channel: 'secret', data: 1, key: 'k' });
    send({ type: 'subscribe', id: 3, channels: { secret: 'now' } });
    send({ type: 'dance', id: 4 });
    send({ type: 'unsubscribe', id: 5, channels: ['a', 'b'] });
    await settle();
    expect(told).toEqual([
      { type: 'refreshed', id: 1, expiresInMs: 600_000 },
      { type: 'error', id: 2, channel: 'secret', code: 'forbidden', message: 'not here' },
      { type: 'error', id: 3, channel: 'secret', code: 'forbidden_channel', message: 'forbidden here' },
      { type: 'error', id: 4, code: 'unknown_type', message: 'no command: dance' },
      { type: 'unsubscribed', id: 5, channel: 'a' },
      { type: 'unsubscribed', id: 5, channel: 'b' },
    ]);
    expect(server.published).toEqual([]);
  });

  it('says where it is let in, whatever it asks for, with an id and without', async () => {
    const [first, second] = [1, 2].map((n) => server.publish('news', n));
    const { send, told } = dial();
    await settle();
    for (const [id, place] of [
      'now',
      '-1',
      first,
      { last: 1 },
      { after: first, maxPerSecond: 5 },
      { maxPerSecond: 5 },
    ].entries())
      send({ type: 'subscribe', id, channels: { news: place } });
    await settle();
    const entered = told.map(({ type, id, offset, data }) => (type === 'message' ? data : [id, offset]));
    const before = expect.stringMatching(/-0{16}$/);
    expect(entered).toEqual([
      [undefined, second],
      [1, before],
      1,
      2,
      [2, first],
      2,
      [3, first],
      2,
      [4, first],
      2,
      [5, second],
    ]);
    expect(told[0]).toEqual({ type: 'subscribed', channel: 'news', offset: second, recovered: true });
  });

  it('hears nothing more of a channel that it has left, nor after its end', async () => {
    const { socket, send, told } = dial();
    await settle();
    send({ type: 'subscribe', id: 1, channels: { news: 'now', more: 'now' } });
    send({ type: 'unsubscribe', id: 2, channels: ['news'] });
    await settle();
    told.length = 0;
    server.publish('news', 1);
    server.publish('more', 2);
    await settle();
    expect(told).toMatchObject([{ channel: 'more', data: 2 }]);
    server.publish('more', 3);
    send({ type: 'publish', id: 3, channel: 'more', data: 4, key: 'k' });
    socket.close();
    await settle();
    expect(told).toHaveLength(1);
    expect([server.links, server.published]).toEqual([0, []]);
  });

  it('that is closed before it was open never opens, and needs no listeners', async () => {
    const { socket, opened } = dial();
    socket.close();
    const Socket = server.options.WebSocket as NonNullable<typeof server.options.WebSocket>;
    const bare = new Socket('ws://n1.test/v1/ws');
    await settle();
    expect(opened()).toBe(0);
    bare.send(JSON.stringify({ type: 'connect', id: 1 }));
    await settle();
    expect(server.links).toBe(1);
    server.cut();
    expect(server.links).toBe(0);
  });

  it('is told how it ends', async () => {
    const [lost, ended, refused] = [dial(), dial(), dial()];
    await settle();
    refused.socket.close();
    ended.socket.close();
    server.cut();
    expect(lost.ends).toEqual([[1006, '']]);
    const next = dial();
    await settle();
    server.end(4000, 'draining: bye');
    server.allow('sse');
    const blocked = dial();
    await settle();
    expect([next.ends, blocked.ends, ended.ends]).toEqual([[[4000, 'draining: bye']], [[1006, '']], []]);
    expect([blocked.opened(), server.links]).toEqual([0, 0]);
    server.allow('websocket');
    const open = dial();
    await settle();
    expect(open.opened()).toBe(1);
  });
});

describe('a slow network', () => {
  it('takes a part of the latency for each step, by chance, and mixes nothing up', async () => {
    const draws = [0.9, 0.1, 0.9, 0.1, 0.9, 0.1];
    start({ latencyMs: 11, random: () => draws.shift() ?? 0.5 });
    const { send, told, opened } = dial();
    await clock.advance(8);
    expect(opened()).toBe(0);
    await clock.advance(1);
    expect(opened()).toBe(1);
    draws.length = 0;
    draws.push(0.9, 0.1);
    for (const id of [1, 2]) send({ type: 'ping', id });
    await clock.advance(8);
    expect(told).toEqual([]);
    await clock.advance(1 + 10);
    expect(told.map(({ id }) => id)).toEqual([1, 2]);
    const response = post('ticket');
    let status = 0;
    void response.then((one) => (status = one.status));
    await clock.advance(9);
    expect(status).toBe(0);
    await clock.advance(1);
    expect(status).toBe(200);
  });

  it('lets a socket into a channel late, and not at all once it has left it', async () => {
    const inner = new Server({ clock, random: () => 0.4, latencyMs: 10, keep: 9, user: null });
    const { socket, send, told } = dial(createWebSocket(inner));
    await clock.advance(10);
    send({ type: 'subscribe', id: 1, channels: { news: 'now' } });
    await clock.advance(10);
    expect(told).toEqual([]);
    send({ type: 'unsubscribe', id: 2, channels: ['news'] });
    await clock.advance(100);
    expect(told.map(({ type }) => type)).toEqual(['unsubscribed']);
    send({ type: 'subscribe', id: 3, channels: { news: 'now' } });
    await clock.advance(100);
    expect(told.at(-1)).toMatchObject({ type: 'subscribed', id: 3 });
    socket.close();
  });
});

it('time goes on in a log, whatever the clock does, and an offset has whole milliseconds', () => {
  let nowMs = 1_800_000_000_000.7;
  const made = createTestServer({ clock: { ...clock, ...server.options.clock, now: () => nowMs } as never });
  const first = made.publish('news', 1);
  nowMs -= 3_600_000;
  const second = made.publish('news', 2);
  expect([first, second]).toEqual(['1800000000000-0000000000000001', '1800000000000-0000000000000002']);
});
