// One channel at a URL of its own: each header, status and kind of offset of a read that is answered at once.

import { describe, expect, it } from 'vitest';
import { get, nextPage } from '../support/http-get.js';
import { post } from '../support/http-post.js';
import { ChannelWorld, ROADS } from './channel-world.js';

const OFFSET = /^\d{13}-\d{16}$/;

describe.each(ROADS)('the URL of a channel, on the $engine engine and the $kind broker, $road', (cell) => {
  const world = new ChannelWorld(cell);
  const read = world.read.bind(world);
  const publicly = world.publicly.bind(world);
  const publish = world.publish.bind(world);

  describe('answers', () => {
    it('all that a channel holds as one array, byte for byte as it was published', async () => {
      const offsets = await publish('news', '{"a":1.0}', '12345678901234567890', '"é\\u0000"', '[]');
      const { status, headers, text } = await read('news');
      expect(status).toBe(200);
      expect(text).toBe('[{"a":1.0},12345678901234567890,"é\\u0000",[]]');
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'stream-next-offset': offsets[3],
        'stream-up-to-date': 'true',
        etag: expect.stringContaining(offsets[3] ?? '?'),
        'cache-control': 'private, no-cache',
        vary: 'Origin, Authorization',
      });
      expect(headers.link).toBeUndefined();
    });

    it('whole messages to who wants their offsets, times and senders', async () => {
      const [first = ''] = await publish('news', '1');
      const published = await post(
        `${world.node.url}/v1/publish`,
        { channel: 'news', data: 2 },
        { ticket: world.node.ticket('u7') },
      );
      const messages = JSON.parse((await read('news?format=messages')).text);
      const from = { user: 'u7', connection: expect.any(String) };
      const second = String(published.body.offset);
      expect(messages).toEqual([
        { offset: first, time: Number(first.slice(0, 13)), data: 1 },
        { offset: second, time: Number(second.slice(0, 13)), data: 2, from },
      ]);
      const inMemory = await post(
        `${world.node.url}/v1/poll`,
        { channels: { news: first }, waitMs: 60_000 },
        { ticket: world.node.ticket() },
      );
      expect(inMemory.status).toBe(200);
      // From here on the node has the channel open, and its newest messages in memory.
      const [third = ''] = await publish('news', '{"b":2}');
      const later = await post(
        `${world.node.url}/v1/publish`,
        { channel: 'news', data: 4 },
        { ticket: world.node.ticket('u7') },
      );
      await expect.poll(async () => (await read(`news?offset=${second}`)).text).toBe('[{"b":2},4]');
      expect(JSON.parse((await read(`news?format=messages&offset=${second}`)).text)).toEqual([
        { offset: third, time: Number(third.slice(0, 13)), data: { b: 2 } },
        { offset: later.body.offset, time: expect.any(Number), data: 4, from },
      ]);
    });

    it('what is after each kind of offset', async () => {
      const offsets = await publish('news', '1', '2', '3', '4');
      const textAt = async (query: string) => (await read(`news${query}`)).text;
      expect(await textAt('?offset=-1')).toBe('[1,2,3,4]');
      expect(await textAt(`?offset=${offsets[1]}`)).toBe('[3,4]');
      expect(await textAt(`?offset=${offsets[3]}`)).toBe('[]');
      expect(await textAt('?offset=now')).toBe('[]');
      expect(await textAt('?last=2')).toBe('[3,4]');
      expect(await textAt('?last=0')).toBe('[]');
      expect(await textAt('?last=1000')).toBe('[1,2,3,4]');
    });

    it('the tail to who asks for now, which no cache may keep', async () => {
      const offsets = await publish('pub:news', '1', '2');
      const { status, headers } = await publicly('pub:news?offset=now');
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'stream-next-offset': offsets[1],
        'stream-up-to-date': 'true',
        'cache-control': 'no-store',
      });
      expect(headers.etag).toBeUndefined();
    });

    it('a channel that nobody has published on with a position that is good later', async () => {
      const { status, headers, text } = await read('never');
      expect([status, text, headers['stream-up-to-date']]).toEqual([200, '[]', 'true']);
      expect(headers['stream-next-offset']).toMatch(OFFSET);
      await publish('never', '1');
      expect((await read(`never?offset=${headers['stream-next-offset']}`)).text).toBe('[1]');
    });

    it('a long history in pages, each of which names the next', async () => {
      const data = Array.from({ length: 600 }, (_, n) => String(n));
      await publish('long', ...data);
      const seen: unknown[] = [];
      let pages = 0;
      for (let path: string | undefined = '/v1/channels/long?format=messages'; path !== undefined; pages++) {
        const answer = await get(world.url, path, { ticket: world.node.ticket() });
        expect(answer.status).toBe(200);
        seen.push(...JSON.parse(answer.text));
        const next = nextPage(path, answer);
        expect(answer.headers['stream-up-to-date']).toBe(next === undefined ? 'true' : undefined);
        path = next;
      }
      expect(pages).toBeGreaterThan(2);
      expect(seen.map((message) => (message as { data: number }).data)).toEqual(data.map(Number));
    });

    it('a HEAD with what a GET would be told, without a body and to be kept by nobody', async () => {
      await publish('pub:news', '1', '2');
      for (const query of ['', '?offset=-1', '?last=1', '?format=messages', '?offset=now']) {
        const got = await publicly(`pub:news${query}`);
        const head = await get(world.url, `/v1/channels/pub:news${query}`, { method: 'HEAD' });
        const hop = { date: head.headers.date, 'x-cache': head.headers['x-cache'] };
        expect([head.status, head.text]).toEqual([200, '']);
        expect(head.headers).toEqual({ ...got.headers, ...hop, 'cache-control': 'no-store' });
      }
    });
  });

  describe('validates', () => {
    it('what the client has already, until there is more', async () => {
      await publish('pub:news', '1');
      const { etag = '' } = (await publicly('pub:news')).headers;
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const answer = await publicly('pub:news', { 'If-None-Match': known });
        expect([known, answer.status, answer.text]).toEqual([known, 304, '']);
        expect(answer.headers).toMatchObject({ etag, 'cache-control': 'public, max-age=1, stale-while-revalidate=1' });
      }
      expect((await publicly('pub:news?format=messages', { 'If-None-Match': etag })).status).toBe(200);
      await publish('pub:news', '2');
      await world.forget();
      const later = await publicly('pub:news', { 'If-None-Match': etag });
      expect([later.status, later.text]).toEqual([200, '[1,2]']);
    });

    it('a history that has lost its beginning as another one', async () => {
      await publish('few:x', '1', '2', '3');
      const { etag = '' } = (await read('few:x')).headers;
      const [fourth = ''] = await publish('few:x', '4');
      const { headers, text } = await read('few:x', { headers: { 'If-None-Match': etag } });
      expect(text).toBe('[2,3,4]');
      expect(headers.etag).not.toBe(etag);
      expect((await read(`few:x?offset=${fourth}`)).status).toBe(200);
    });
  });

  describe('tells who holds a position that is not good', () => {
    const gone = async (path: string) => {
      const { status, headers, text } = await read(path);
      const body = JSON.parse(text);
      expect([status, headers['content-type'], headers['cache-control']]).toEqual([
        410,
        'application/problem+json',
        'no-store',
      ]);
      expect(headers['stream-next-offset']).toBe(body.gap.offset);
      const next = await get(world.url, nextPage(`/v1/channels/${path}`, { headers }) ?? '', {
        ticket: world.node.ticket(),
      });
      return { body, rest: next.text };
    };

    it('that messages after it have been trimmed, and where to go on', async () => {
      const offsets = await publish('few:x', '1', '2', '3', '4', '5');
      const { body, rest } = await gone(`few:x?offset=${offsets[0]}`);
      expect(body).toMatchObject({
        code: 'offset_trimmed',
        channels: ['few:x'],
        gap: { after: offsets[0], offset: offsets[1], reason: 'trimmed' },
      });
      expect(rest).toBe('[3,4,5]');
    });

    it("that it is none of the channel's", async () => {
      const [first = ''] = await publish('news', '1');
      const { body, rest } = await gone(`news?offset=${first.slice(0, -3)}999`);
      expect(body).toMatchObject({ code: 'offset_rewritten', gap: { reason: 'rewritten' } });
      expect(['[]', '[1]']).toContain(rest);
    });

    it('that its history is gone', async () => {
      await publish('news', '1');
      const { body, rest } = await gone('news?offset=1000000000000-0000000000000001');
      expect(body).toMatchObject({ code: 'offset_unknown', gap: { reason: 'lost' } });
      expect(rest).toBe('[1]');
    });
  });
});
