// One channel at a URL of its own, live: long polls and server-sent events, and their cursors.

import { describe, expect, it, vi } from 'vitest';
import { openEvents, type StreamedEvents } from '../support/event-reader.js';
import type { GetAnswer, GetOptions } from '../support/http-get.js';
import { ChannelWorld, ROADS } from './channel-world.js';

const LISTENS = { Accept: 'text/event-stream' };

describe.each(ROADS)('a channel read live on the $engine engine and the $kind broker, $road', (cell) => {
  const world = new ChannelWorld(cell);
  const read = world.read.bind(world);
  const publish = async (channel: string, data: string) => (await world.publish(channel, data))[0] ?? '';
  const waiting = (count: number) =>
    vi.waitFor(() => expect(world.node.node.stats().waitingPolls).toBe(count), { timeout: 30_000 });
  const positionOf = ({ headers }: GetAnswer) => headers['stream-next-offset'] ?? '';

  async function stream(path: string, options: GetOptions = {}): Promise<StreamedEvents> {
    return world.keep(await openEvents(world.url, `/v1/channels/${path}`, { ticket: world.node.ticket(), ...options }));
  }

  describe('by long poll', () => {
    it('is answered at once where there is something, without a validator', async () => {
      const first = await publish('news', '1');
      const { status, headers, text } = await read('news?offset=-1&live=long-poll');
      expect([status, text, headers.etag]).toEqual([200, '[1]', undefined]);
      expect(headers).toMatchObject({ 'stream-next-offset': first, 'stream-cursor': first.slice(0, 13) });
    });

    it.each(['-1', 'now', 'tail'])('waits from %s until something is published', async (from) => {
      const tail = from === 'tail' ? await publish('news', '0') : from;
      // Where the tail is, is known here then: else what comes while it is looked for lies before it.
      if (from === 'now') await (await stream('news?offset=now&live=sse')).events.nextOf('control');
      const answer = read(`news?offset=${tail}&live=long-poll`);
      await waiting(1);
      await world.node.broker.publishLive('news', '"nobody keeps this"');
      const offset = await publish('news', '{"a":1}');
      const { status, headers, text } = await answer;
      expect([status, text]).toEqual([200, '[{"a":1}]']);
      expect(headers).toMatchObject({ 'stream-next-offset': offset, 'stream-up-to-date': 'true' });
      expect(headers['cache-control']).toBe(from === 'now' ? 'no-store' : 'private, no-cache');
    });

    it('wants to know where to begin', async () => {
      for (const live of ['long-poll', 'sse']) {
        const { status, text } = await read(`news?live=${live}`);
        expect([status, JSON.parse(text).code]).toEqual([400, 'bad_parameter']);
      }
    });

    it('hands out a cursor that is another one than the one that came', async () => {
      const first = await publish('pub:news', '1');
      const stamp = Number(first.slice(0, 13));
      const cursorFor = async (cursor: number) =>
        Number((await read(`pub:news?offset=-1&live=long-poll&cursor=${cursor}`)).headers['stream-cursor']);
      expect(await cursorFor(stamp - 1)).toBe(stamp);
      expect(await cursorFor(stamp)).toBe(stamp + 1);
      expect(await cursorFor(stamp + 5)).toBe(stamp + 6);
    });

    it('lets several of one ticket wait at the same time', async () => {
      const ticket = world.node.ticket();
      // What comes while `now` is looked for lies before it.
      const answers = ['a', 'b', 'c'].map((name) => read(`${name}?offset=-1&live=long-poll`, { ticket }));
      await waiting(3);
      for (const name of ['a', 'b', 'c']) await publish(name, `"${name}"`);
      expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['["a"]', '["b"]', '["c"]']);
    });

    it('is told of a position that is not good at once', async () => {
      const offsets: string[] = [];
      for (const data of ['1', '2', '3', '4', '5']) offsets.push(await publish('few:x', data));
      const { status, text } = await read(`few:x?offset=${offsets[0]}&live=long-poll`);
      expect([status, JSON.parse(text).code]).toEqual([410, 'offset_trimmed']);
    });

    it('is sent away by a node that is being drained', async () => {
      const answer = read('pub:news?offset=now&live=long-poll');
      await waiting(1);
      void world.node.node.drain(0);
      const { status, text } = await answer;
      expect([status, JSON.parse(text).code]).toEqual([503, 'draining']);
    });
  });

  describe('by server-sent events', () => {
    it('is sent what it missed, then what comes, with the position after each', async () => {
      const offsets = [await publish('news', '1'), await publish('news', '{"b":2}')];
      const { head, events } = await stream('news?offset=-1&live=sse');
      expect(head.status).toBe(200);
      expect(head.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': expect.stringContaining('no-store'),
      });
      const missed = await events.take(4, 'data', 'control');
      expect(missed[1]?.data).not.toContain('upToDate');
      expect(missed.map(({ type, id, data }) => [type, id, JSON.parse(data)])).toMatchObject([
        ['data', offsets[0], [1]],
        ['control', offsets[0], { streamNextOffset: offsets[0] }],
        ['data', offsets[1], [{ b: 2 }]],
        ['control', offsets[1], { streamNextOffset: offsets[1], upToDate: true }],
      ]);
      await world.node.broker.publishLive('news', '"nobody keeps this"');
      const third = await publish('news', '3');
      const live = await events.take(2, 'data', 'control');
      expect(live.map(({ type, id, data }) => [type, id, JSON.parse(data)])).toEqual([
        ['data', third, [3]],
        ['control', third, { streamNextOffset: third, streamCursor: third.slice(0, 13), upToDate: true }],
      ]);
    });

    it('has the position after each where limits let it wait, and the tail said of the last alone', async () => {
      const outbound = { algorithm: 'token-bucket', rate: { units: 50, perMs: 1_000 }, burst: 2 } as const;
      await world.restart({ limits: { outbound } });
      const offsets = [await publish('news', '0')];
      const { events } = await stream('news?offset=-1&live=sse');
      await events.take(2, 'data', 'control');
      for (let n = 1; n < 8; n++) offsets.push(await publish('news', String(n)));
      const heard = await events.take(14, 'data', 'control');
      expect(heard.map(({ type, id }) => [type, id])).toEqual(
        offsets.slice(1).flatMap((offset) => [
          ['data', offset],
          ['control', offset],
        ]),
      );
      const last = await publish('news', '8');
      expect(JSON.parse((await events.take(2, 'data', 'control'))[1]?.data ?? '')).toEqual({
        ...{ streamNextOffset: last, streamCursor: last.slice(0, 13), upToDate: true },
      });
    });

    it('says at once where the tail is, and sends whole messages where they are asked for', async () => {
      const first = await publish('news', '1');
      const { events } = await stream('news?offset=now&live=sse&format=messages');
      expect(JSON.parse((await events.next()).data)).toMatchObject({ streamNextOffset: first, upToDate: true });
      const second = await publish('news', '2');
      const { data } = await events.nextOf('data');
      expect(JSON.parse(data)).toEqual([{ offset: second, time: Number(second.slice(0, 13)), data: 2 }]);
    });

    it('goes on after the event that it heard last', async () => {
      const offsets: string[] = [];
      for (const data of ['1', '2', '3']) offsets.push(await publish('news', data));
      const headers = { 'Last-Event-ID': offsets[1] ?? '' };
      const { events } = await stream('news?offset=-1&live=sse', { headers });
      expect((await events.nextOf('data')).data).toBe('[3]');
    });

    it('is told of a position that is not good by a status, and in an event where it listens for events', async () => {
      const offsets: string[] = [];
      for (const data of ['1', '2', '3', '4', '5']) offsets.push(await publish('few:x', data));
      const path = `few:x?offset=${offsets[0]}&live=sse`;
      const { status, text } = await read(path);
      expect([status, JSON.parse(text).code]).toEqual([410, 'offset_trimmed']);
      const { head, events } = await stream(path, { headers: LISTENS });
      expect(head.status).toBe(200);
      const told = await events.next();
      expect([told.type, told.id]).toEqual(['control', offsets[1]]);
      expect(JSON.parse(told.data)).toMatchObject({
        code: 'offset_trimmed',
        streamNextOffset: offsets[1],
        gap: { after: offsets[0], offset: offsets[1], reason: 'trimmed' },
      });
      expect((await events.next()).type).toBe('end');
    });

    it('is told when its node is drained', async () => {
      const listening = await stream('pub:news?offset=now&live=sse', { headers: LISTENS });
      const other = await stream('pub:news?offset=now&live=sse');
      for (const { events } of [listening, other]) await events.nextOf('control');
      void world.node.node.drain(0);
      const told = await listening.events.next();
      expect(JSON.parse(told.data)).toMatchObject({ code: 'draining' });
      expect((await listening.events.next()).type).toBe('end');
      expect((await other.events.next()).type).toBe('end');
    });

    it('is told in an event that it has to wait, where a status would end an EventSource for good', async () => {
      await world.restart({ pollRate: { perSecond: 0.02, burst: 1 } });
      const ticket = world.node.ticket();
      await read('news', { ticket });
      expect((await read('news?offset=now&live=sse', { ticket })).status).toBe(429);
      const { head, events } = await stream('news?offset=now&live=sse', { ticket, headers: LISTENS });
      expect(head.status).toBe(200);
      const told = await events.next();
      expect(JSON.parse(told.data)).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
      expect(events.retryMs).toBeGreaterThanOrEqual(JSON.parse(told.data).retryAfterMs);
      const forbidden = world.node.ticket('u1', { subscribe: ['other'] });
      expect((await read('news?offset=now&live=sse', { ticket: forbidden, headers: LISTENS })).status).toBe(403);
    });

    it('gives back what it held when its client goes', async () => {
      const one = await stream('news?offset=now&live=sse');
      await one.events.nextOf('control');
      expect(world.node.node.stats().streams).toBe(1);
      one.close();
      await vi.waitFor(() => expect(world.node.node.stats().streams).toBe(0), { timeout: 30_000 });
    });

    it('is answered to a HEAD without one', async () => {
      const { status, headers } = await read('news?offset=now&live=sse', { method: 'HEAD' });
      expect([status, headers['content-type']]).toEqual([200, 'text/event-stream']);
      expect(world.node.node.stats().streams).toBe(0);
    });

    it.each([
      ['a position that is none', 'news?offset=1234567890123-1234567890123456&live=sse'],
      ['a name that is none', 'news:?offset=-1&live=sse'],
      ['no position', 'news?live=sse'],
    ])('is refused to a HEAD as to a GET: %s', async (_, path) => {
      await publish('news', '1');
      const [head, got] = [await read(path, { method: 'HEAD' }), await read(path)];
      expect([head.status, head.text]).toEqual([got.status, '']);
      expect(got.status).toBeGreaterThanOrEqual(400);
    });
  });

  it('reaches everybody once and in order, whatever way each step goes', async () => {
    const seen: number[] = [];
    let position = '-1';
    const total = 120;
    const publishing = (async () => {
      for (let n = 0; n < total; n++) await publish('walk', String(n));
    })();
    for (let step = 0; seen.length < total; step++) {
      const live = ['', '&live=long-poll', '&live=sse'][step % 3];
      if (live === '&live=sse') {
        const { events, close } = await stream(`walk?offset=${position}${live}`);
        const event = await events.nextOf('data', 'control');
        if (event.type === 'data') seen.push(...JSON.parse(event.data));
        position = event.id ?? position;
        close();
      } else {
        const answer = await read(`walk?offset=${position}${live}`);
        if (answer.text !== '') seen.push(...JSON.parse(answer.text));
        position = positionOf(answer);
      }
    }
    await publishing;
    expect(seen).toEqual(Array.from({ length: total }, (_, n) => n));
  });
});
