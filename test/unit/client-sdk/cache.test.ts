// Public channels through the cache that discovery names: what is asked of it, and who is asked while it does not work.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { news } from './fakes/polling.js';
import { assignment, offset, World } from './fakes/world.js';

const CACHE = { url: 'https://cache.test', namespaces: ['default', 'pub'] };
/** Specified in numbers.ts: how long a cache may take, and is left alone. */
const LIMIT_MS = 5_000;
const REST_MS = 30_000;
const INTERVAL_MS = 2_000;

let world: World;
beforeEach(() => start());
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

function start(cache: object | null = CACHE, options: Partial<ClientOptions> = {}): void {
  world = new World({ transports: ['short-poll'], ...options });
  world.network.discovery = (request) => request.answer(200, assignment(cache === null ? {} : { cache }));
}
/** Its link is there after a turn. */
const ask = async (...args: Parameters<World['client']['history']>) => {
  const history = world.client.history(...args);
  await world.clock.advance(0);
  return { history };
};
const poll = () => world.network.request('/v1/poll');
const read = (channel: string) => world.network.request(`/v1/channels/${channel}`);
const none = (path: string) => expect(world.network.waiting(path)).toEqual([]);
const message = (n: number) => ({ offset: offset(n), time: 1795342704012, data: n });

/** Answers as a cache does. */
function page(request: FakeRequest, at: number, numbers: readonly number[], isTail = true): void {
  const headers: Record<string, string> = { 'Stream-Next-Offset': offset(at) };
  if (isTail) headers['Stream-Up-To-Date'] = 'true';
  request.answer(200, numbers.map(message), headers);
}

describe('history', () => {
  it('of a public channel is read by its URL, without a token', async () => {
    const { history } = await ask('pub:x', { last: 5 });
    const asked = await read('pub:x');
    expect([asked.url, asked.token]).toEqual([`${CACHE.url}/v1/channels/pub:x?last=5&format=messages`, undefined]);
    page(asked, 3, [2, 3], false);
    const { messages, offset: at, more, gap } = await history;
    expect(messages.map(({ data, time }) => [data, time])).toEqual([
      [2, 1795342704012],
      [3, 1795342704012],
    ]);
    expect([at, more, gap]).toEqual([offset(3), true, undefined]);
    none('/v1/poll');
  });

  it.each([
    ['news', 'news'],
    ['pub:a:b', 'pub:a:b'],
  ])('of %s begins at the start, or after an offset', async (name) => {
    for (const [beginning, query] of [
      [{}, 'offset=-1'],
      [{ after: offset(7) }, `offset=${offset(7)}`],
    ] as const) {
      const { history } = await ask(name, beginning);
      const asked = await read(name);
      expect(new URL(asked.url).search).toBe(`?${query}&format=messages`);
      page(asked, 7, []);
      expect(await history).toMatchObject({ messages: [], offset: offset(7), more: false });
    }
  });

  it('tells what is gone as a node does', async () => {
    const { history } = await ask('pub:x', { after: offset(1) });
    const gap = { after: offset(1), offset: offset(5), reason: 'lost' };
    (await read('pub:x')).refuse(410, 'offset_unknown', { gap });
    expect(await history).toMatchObject({ messages: [], gap, offset: offset(5), more: true });
  });

  it.each(['own:x', 'publicly:x'])('of %s, which is not public, is asked of the node', async (name) => {
    const { history } = await ask(name);
    (await poll()).answer(200, { channels: { [name]: { offset: offset(1), messages: [] } } });
    expect(await history).toMatchObject({ offset: offset(1) });
  });

  it('is asked of the node where there is no cache, and where nothing may lag', async () => {
    world.client.close();
    start(null);
    const { history } = await ask('news');
    (await poll()).answer(200, news(1));
    expect(await history).toMatchObject({ offset: offset(1) });
    none('/v1/channels/news');
  });
});

describe('short polls', () => {
  it('of public channels ask the cache once they have a position, and the node for all others', async () => {
    const [open, own] = [world.subscribe('news'), world.subscribe('own:x')];
    const first = await poll();
    expect(first.body.channels).toEqual({ news: 'now', 'own:x': 'now' });
    first.answer(200, { channels: { ...news(1).channels, 'own:x': { offset: offset(11), messages: [] } } });
    await world.clock.advance(INTERVAL_MS);
    const asked = await read('news');
    expect(asked.url).toBe(`${CACHE.url}/v1/channels/news?offset=${offset(1)}&format=messages`);
    page(asked, 3, [2, 3]);
    const rest = await poll();
    expect(rest.body.channels).toEqual({ 'own:x': offset(11) });
    rest.answer(200, {
      channels: { 'own:x': { offset: offset(12), messages: [{ offset: offset(12), data: 12 }] } },
    });
    await world.clock.advance(INTERVAL_MS);
    expect([open.data, own.data]).toEqual([[2, 3], [12]]);
    expect((await read('news')).url).toContain(`offset=${offset(3)}`);
  });

  it('ask nobody else where all is public, go on at once while there is more, and pause then', async () => {
    const listening = world.subscribe('pub:x', { after: offset(0) });
    page(await read('pub:x'), 1, [1], false);
    page(await read('pub:x'), 2, [2]);
    await world.clock.advance(INTERVAL_MS - 1);
    none('/v1/channels/pub:x');
    await world.clock.advance(1);
    page(await read('pub:x'), 2, []);
    await world.clock.advance(0);
    expect(world.client.state).toMatchObject({ type: 'connected', transport: 'short-poll' });
    expect([listening.data, listening.subscription.offset]).toEqual([[1, 2], offset(2)]);
    none('/v1/poll');
  });

  it('that a cache alone answers are a link that lives, however long', async () => {
    world.subscribe('pub:x', { after: offset(1) });
    await world.clock.advance(0);
    let reads = 0;
    for (let ms = 0; ms < 60_000; ms += INTERVAL_MS) {
      for (const _ of world.network.waiting('/v1/channels/pub:x').slice()) {
        page(await read('pub:x'), 1, []);
        reads++;
      }
      await world.clock.advance(INTERVAL_MS);
    }
    expect(reads).toBe(30);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('tell a gap, and go on behind it', async () => {
    const listening = world.subscribe('pub:x', { after: offset(1) });
    const gap = { after: offset(1), offset: offset(5), reason: 'trimmed' };
    (await read('pub:x')).refuse(410, 'offset_trimmed', { gap });
    const next = await read('pub:x');
    expect(next.url).toContain(`offset=${offset(5)}`);
    page(next, 6, [6]);
    await world.clock.advance(0);
    expect(listening.gaps).toMatchObject([{ channel: 'pub:x', ...gap }]);
    expect(listening.data).toEqual([6]);
  });

  it('are no concern of long polls', async () => {
    world.client.close();
    start(CACHE, { transports: ['long-poll'] });
    world.subscribe('news', { after: offset(1) });
    expect((await poll()).body.channels).toEqual({ news: offset(1) });
    none('/v1/channels/news');
  });
});

describe('a cache that does not work', () => {
  const faults: Readonly<Record<string, (request: FakeRequest) => unknown>> = {
    'cannot be reached': (request) => request.fail(),
    'has no node': (request) => request.answer(502, '<html>'),
    'is none': (request) => request.answer(200, '<html>'),
    'knows no channels': (request) => request.refuse(404, 'not_found'),
    'has nobody in': (request) => request.refuse(429, 'rate_limited'),
    'answers something else': (request) => request.answer(200, {}, { 'Stream-Next-Offset': offset(3) }),
    'says no position': (request) => request.answer(200, []),
    hangs: () => world.clock.advance(LIMIT_MS),
  };

  it.each(Object.entries(faults))('since it %s: the node is asked at once, and for a while', async (_, fault) => {
    const listening = world.subscribe('pub:x', { after: offset(1) });
    await fault(await read('pub:x'));
    const answer = async (n: number) => {
      const asked = await poll();
      expect(asked.body.channels).toEqual({ 'pub:x': offset(n - 1) });
      asked.answer(200, {
        channels: { 'pub:x': { offset: offset(n), messages: [{ offset: offset(n), data: n }] } },
      });
      await world.clock.advance(0);
    };
    await answer(2);
    let n = 2;
    for (let ms = INTERVAL_MS; ms < REST_MS; ms += INTERVAL_MS) {
      await world.clock.advance(INTERVAL_MS);
      await answer(++n);
    }
    none('/v1/channels/pub:x');
    await world.clock.advance(INTERVAL_MS);
    page(await read('pub:x'), n + 1, [n + 1]);
    await world.clock.advance(0);
    expect(listening.data).toEqual(Array.from({ length: n }, (_, index) => index + 2));
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('is not asked for history either', async () => {
    const { history } = await ask('pub:x');
    (await read('pub:x')).fail();
    (await poll()).answer(204);
    expect(await history).toMatchObject({ messages: [] });
    const { history: again } = await ask('pub:x');
    (await poll()).answer(204);
    await again;
    none('/v1/channels/pub:x');
  });
});

it('never serves a reader that joins others later: it has to know all that they have had', async () => {
  world.subscribe('pub:x', { after: offset(5) });
  page(await read('pub:x'), 6, [6]);
  await world.clock.advance(0);
  const late = world.subscribe('pub:x', { after: offset(1) });
  const asked = await poll();
  expect(asked.body.channels).toEqual({ 'pub:x': offset(1) });
  asked.answer(200, {
    channels: {
      'pub:x': { offset: offset(6), messages: [2, 3, 4, 5, 6].map((n) => ({ offset: offset(n), data: n })) },
    },
  });
  await world.clock.advance(0);
  expect(late.data).toEqual([2, 3, 4, 5, 6]);
});

it('stops to ask when the client is closed', async () => {
  world.subscribe('pub:x', { after: offset(1) });
  const asked = await read('pub:x');
  world.client.close();
  expect(asked.aborted).toBe(true);
  none('/v1/poll');
});
