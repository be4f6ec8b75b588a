// The server in memory that applications test with: what it answers to requests, polls and streams.

import { describe, expect, it } from 'vitest';
import { createFetch } from '../../../client-sdk/testing/fetch.js';
import { Server } from '../../../client-sdk/testing/server.js';
import { beginsAnew, clock, post, reader, server, settle, start } from './fakes/spoken-server.js';

beginsAnew();

describe('a request', () => {
  it('for a node is given three, in an order by chance, with a ticket and transports', async () => {
    const draws = [0.9, 0.1, 0.5];
    start({ random: () => draws.shift() ?? 0 });
    const response = await post('connect', {});
    expect([response.ok, response.status, response.headers.get('Retry-After')]).toEqual([true, 200, null]);
    const node = (n: number) => ({ id: `n${n}`, url: `http://n${n}.test`, features: [] });
    const ticket = { ticket: 'c-test', expiresInMs: 600_000, connection: 'c-test', user: null };
    expect(await response.json()).toEqual({
      node: node(2),
      alternatives: [node(3), node(1)],
      transports: ['websocket', 'sse', 'long-poll', 'short-poll'],
      ...ticket,
    });
    expect(await (await post('ticket')).json()).toEqual(ticket);
  });

  it('that is refused says what a problem says', async () => {
    server.forbid('secret');
    const publish = await post('publish', { channel: 'secret', data: 1, key: 'k' });
    expect([publish.ok, publish.status]).toEqual([false, 403]);
    expect(await publish.json()).toEqual({
      ...{ type: 'urn:fanfare:problem:forbidden', status: 403, code: 'forbidden', title: 'forbidden' },
      ...{ detail: 'forbidden', channels: ['secret'] },
    });
    const poll = await post('poll', { channels: { news: 'now', secret: 'now' } });
    expect(await poll.json()).toMatchObject({ code: 'forbidden_channel', channels: ['secret'] });
    expect(server.published).toEqual([]);
  });

  it('fails as by the network where discovery is down, and a node goes on', async () => {
    expect(server.isDown).toBe(false);
    server.isDown = true;
    expect(server.isDown).toBe(true);
    for (const path of ['connect', 'ticket'])
      await expect(post(path, {})).rejects.toEqual(new TypeError('fetch failed'));
    const response = await post('publish', { channel: 'news', data: 1, key: 'k' });
    const [, offset] = [server.published, (await response.json()) as { offset: string }];
    expect(offset).toEqual({ channel: 'news', offset: expect.stringMatching(/^\d{13}-0{15}1$/) });
    expect(server.published).toEqual([{ channel: 'news', data: 1, key: 'k' }]);
  });

  it.each(['before', 'while'])(
    'that is given up %s it is asked is answered so, and nothing comes of it',
    async (when) => {
      const controller = new AbortController();
      if (when === 'before') controller.abort();
      const published = post('publish', { channel: 'news', data: 1, key: 'k' }, controller.signal);
      const failed = expect(published).rejects.toMatchObject({ name: 'AbortError', message: 'aborted' });
      controller.abort();
      await failed;
      await settle();
      expect(server.published).toEqual([]);
    },
  );

  it('by two keys stores twice, by one key once, each channel for itself', async () => {
    const offsets = [];
    for (const [channel, key] of [
      ['a', 'k'],
      ['a', 'l'],
      ['a', 'k'],
      ['b', 'k'],
    ]) {
      const response = await post('publish', { channel, data: null, key });
      offsets.push(((await response.json()) as { offset: string }).offset.slice(-1));
    }
    expect(offsets).toEqual(['1', '2', '1', '1']);
    expect(server.published).toHaveLength(3);
  });
});

describe('a poll', () => {
  const poll = async (channels: object, waitMs = 0) => {
    const response = await post('poll', { channels, waitMs });
    return response.status === 204 ? 204 : await response.json();
  };

  it('has news of what is new alone, and where `now` and the last ones are', async () => {
    const offset = server.publish('news', 1);
    const at = expect.stringMatching(/-0{16}$/);
    expect(await poll({ news: offset })).toBe(204);
    expect(await poll({ news: offset, more: 'now' })).toEqual({ channels: { more: { offset: at, messages: [] } } });
    expect(await poll({ news: '-1', more: '-1' })).toEqual({
      channels: { news: { offset, messages: [{ offset, data: 1 }] } },
    });
    expect(await poll({ more: { last: 2 } })).toEqual({ channels: { more: { offset: at, messages: [] } } });
  });

  it('is told a gap, and no word of one where there is none', async () => {
    const offsets = [1, 2, 3, 4].map((n) => server.publish('news', n));
    server.trim('news', 2);
    const messages = [3, 4].map((n) => ({ offset: offsets[n - 1], data: n }));
    const gap = { after: offsets[0], offset: offsets[1], reason: 'trimmed' };
    expect(await poll({ news: offsets[0] })).toEqual({ channels: { news: { offset: offsets[3], messages, gap } } });
    expect(await poll({ news: offsets[1] })).toEqual({ channels: { news: { offset: offsets[3], messages } } });
    const beyond = `${offsets[3]?.slice(0, -1)}9`;
    expect(await poll({ news: beyond })).toEqual({
      channels: {
        news: { offset: offsets[3], messages: [], gap: { after: beyond, offset: offsets[3], reason: 'rewritten' } },
      },
    });
  });

  it('that waits is given what is told to its channel, live-only too, or nothing in the end', async () => {
    const offset = server.publish('news', 1);
    const live = poll({ news: offset, more: offset.replace(/1$/, '0') }, 1_000);
    await settle();
    server.tell('other', 'x');
    server.tell('news', 'live');
    expect(await live).toEqual({ channels: { news: { offset, messages: [{ data: 'live' }] } } });
    const nothing = post('poll', { channels: { news: offset }, waitMs: 1_000 });
    await clock.advance(999);
    expect(server.links).toBe(1);
    await clock.advance(1);
    expect([(await nothing).status, server.links]).toEqual([204, 0]);
    const controller = new AbortController();
    const left = post('poll', { channels: { news: offset }, waitMs: 1_000 }, controller.signal);
    await settle();
    controller.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    expect([server.links, clock.pending]).toEqual([0, 0]);
    const lost = post('poll', { channels: { news: offset }, waitMs: 1_000 });
    await settle();
    server.cut();
    await expect(lost).rejects.toEqual(new TypeError('fetch failed'));
  });

  it('that waits ends as it does at a node: for good, for want of a ticket, or to ask elsewhere', async () => {
    const answers = [];
    for (const [code, reason] of [
      [4503, 'revoked: gone'],
      [4501, 'token_expired'],
      [4500, 'forbidden'],
      [4000, 'draining'],
    ] as const) {
      const waits = post('poll', { channels: { news: server.publish('news', 1) }, waitMs: 1_000 });
      await settle();
      server.end(code, reason);
      const answer = await waits;
      answers.push([answer.status, ((await answer.json()) as { code: string }).code]);
    }
    expect(answers).toEqual([
      [401, 'revoked'],
      [401, 'token_expired'],
      [403, 'forbidden'],
      [503, 'draining'],
    ]);
  });

  it('of a node that wants its clients elsewhere is told so, and does not wait', async () => {
    const inner = new Server({ clock, random: () => 0.5, latencyMs: 0, keep: 9, user: null });
    const fetch = createFetch(inner);
    const ask = () => post('poll', { channels: { news: '-1' }, waitMs: 1_000 }, undefined, fetch);
    inner.isMoving = true;
    const response = await ask();
    expect([response.status, response.headers.get('Fanfare-Move')]).toEqual([204, '1']);
    inner.isMoving = false;
    inner.publish('news', 1);
    expect((await ask()).headers.get('Fanfare-Move')).toBe(null);
  });
});

describe('a stream', () => {
  const open = async (channels: object, signal?: AbortSignal) => reader(await post('stream', { channels }, signal));

  it('brings all in order, whether somebody reads already or not', async () => {
    const read = await open({ news: '-1' });
    for (const n of [1, 2]) server.publish('news', n);
    await settle();
    expect(await read()).toMatchObject({ type: 'connected', node: 'n1', user: 'anna' });
    const subscribed = await read();
    expect(subscribed).toEqual({ type: 'subscribed', channel: 'news', offset: expect.any(String), recovered: true });
    expect([await read(), await read()]).toMatchObject([{ data: 1 }, { data: 2 }]);
    const next = [read(), read()];
    for (const n of [3, 4]) server.publish('news', n);
    expect(await Promise.all(next)).toMatchObject([{ data: 3 }, { data: 4 }]);
    const beat = read();
    await clock.advance(6_800);
    expect(await beat).toEqual({ type: 'heartbeat' });
  });

  it('ends with the node’s word, by the network without one, and when it is given up', async () => {
    const ended = await open({});
    await ended();
    server.end(4000, 'draining');
    expect([await ended(), await ended()]).toEqual([{ type: 'close', code: 4000, reason: 'draining' }, 'the end']);
    const lost = await open({ news: 'now' });
    for (let n = 0; n < 2; n++) await lost();
    const failed = expect(lost()).rejects.toEqual(new TypeError('terminated'));
    server.cut();
    await failed;
    const controller = new AbortController();
    const left = await open({ news: 'now' }, controller.signal);
    for (let n = 0; n < 2; n++) await left();
    server.publish('news', 'too late');
    controller.abort();
    await expect(left()).rejects.toMatchObject({ name: 'AbortError' });
    await settle();
    expect([server.links, clock.pending]).toEqual([0, 0]);
  });
});
