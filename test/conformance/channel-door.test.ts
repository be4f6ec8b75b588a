// Who may read a channel by its URL, from which pages, and what is refused.

import { describe, expect, it } from 'vitest';
import { get, nextPage } from '../support/http-get.js';
import { CELLS, ChannelWorld, ROADS } from './channel-world.js';

const STRANGE = { Origin: 'https://elsewhere.example.com' };
const OWN = { Origin: 'https://app.example.com' };

describe.each(ROADS)('the URL of a channel, on the $engine engine and the $kind broker, $road, lets in', (cell) => {
  const world = new ChannelWorld(cell);
  const read = world.read.bind(world);
  const publicly = world.publicly.bind(world);
  const publish = world.publish.bind(world);

  it('who may read the channel, and nobody else', async () => {
    await publish('news', '1');
    expect((await publicly('news')).status).toBe(401);
    expect((await read('news', { ticket: world.node.ticket('u1', { subscribe: ['other'] }) })).status).toBe(403);
    expect((await read('news', { ticket: world.node.ticket('u1', { subscribe: ['news'] }) })).status).toBe(200);
    expect((await read('pub:news', { ticket: undefined })).status).toBe(200);
  });

  it('pages of every origin to what is public, with one answer for all of them', async () => {
    await publish('pub:news', '1');
    for (const headers of [{}, STRANGE, OWN]) {
      const answer = await publicly('pub:news', headers);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'cache-control': 'public, max-age=1, stale-while-revalidate=1',
        'access-control-expose-headers': expect.stringContaining('Stream-Next-Offset'),
      });
      for (const name of ['vary', 'ratelimit', 'fanfare-move', 'fanfare-request-id']) {
        expect([name, answer.headers[name]]).toEqual([name, undefined]);
      }
    }
  });

  it('pages of allowed origins alone to what is not', async () => {
    await publish('news', '1');
    expect((await read('news', { headers: STRANGE })).status).toBe(403);
    const { status, headers } = await read('news', { headers: OWN });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'access-control-allow-origin': OWN.Origin,
      'access-control-expose-headers': expect.stringContaining('Stream-Next-Offset'),
    });
  });

  it('preflights by the same rule', async () => {
    const preflight = (path: string, method: string) =>
      get(world.url, `/v1/channels/${path}`, {
        method: 'OPTIONS',
        headers: { ...STRANGE, 'Access-Control-Request-Method': method },
      });
    const open = await preflight('pub:news', 'GET');
    expect(open.status).toBe(204);
    expect(open.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': expect.stringContaining('If-None-Match'),
    });
    expect((await preflight('pub:news', 'DELETE')).status).toBe(403);
    expect((await preflight('news', 'GET')).status).toBe(403);
  });

  it('tells whoever comes from no page what may be asked', async () => {
    // The proxy leads to channels alone.
    const others = cell.road === 'direct' ? ['/v1/poll', '/v1/publish', '/v1/stream'] : [];
    for (const path of ['/v1/channels/news', ...others]) {
      const { status, headers } = await get(world.url, path, { method: 'OPTIONS' });
      expect([path, status, headers['access-control-allow-origin']]).toEqual([path, 204, undefined]);
      expect(headers.allow).toBe(path.includes('channels') ? 'GET, HEAD, DELETE, OPTIONS' : 'POST, OPTIONS');
    }
  });
});

describe.each(CELLS)('the URL of a channel, on the $engine engine and the $kind broker,', (cell) => {
  const world = new ChannelWorld(cell);
  const read = world.read.bind(world);
  const publish = world.publish.bind(world);

  describe('refuses', () => {
    it.each([
      ['/v1/channels/user%3aanna', 200, undefined],
      ['/v1/channels/%75ser:anna', 200, undefined],
      ['/v1/channels/%2575ser', 400, 'bad_channel_name'],
      ['/v1/channels/a%2Fb', 400, 'bad_channel_name'],
      ['/v1/channels/a:', 400, 'bad_channel_name'],
      ['/v1/channels/%2e%2e', 400, 'bad_channel_name'],
      ['/v1/channels/%zz', 400, 'bad_encoding'],
      ['/v1/channels/%ff', 400, 'bad_encoding'],
      ['/v1/channels/', 404, 'not_found'],
      ['/v1/channels', 404, 'not_found'],
      ['/v1/channels/a/b', 404, 'not_found'],
      ['/v1/channels/news?offset=', 400, 'bad_offset'],
      ['/v1/channels/news?offset=0', 400, 'bad_offset'],
      ['/v1/channels/news?offset=-1&offset=-1', 400, 'bad_parameter'],
      ['/v1/channels/news?offset=-1&last=1', 400, 'bad_parameter'],
      ['/v1/channels/news?last=1001', 400, 'bad_parameter'],
      ['/v1/channels/news?last=-1', 400, 'bad_parameter'],
      ['/v1/channels/news?last=', 400, 'bad_parameter'],
      ['/v1/channels/news?format=xml', 400, 'bad_parameter'],
      ['/v1/channels/news?live=forever', 400, 'bad_parameter'],
      ['/v1/channels/news?cursor=x', 400, 'bad_parameter'],
      ['/v1/channels/news?offset=%zz', 400, 'bad_encoding'],
      ['/v1/channels/news?offset=%2D1&last', 400, 'bad_parameter'],
      ['/v1/channels/news?%6fffset=%2D1', 200, undefined],
      ['/v1/channels/news?utm_source=a&utm_source=b', 200, undefined],
    ])('%s with %i', async (path, status, code) => {
      const answer = await get(world.node.url, path, { ticket: world.node.ticket() });
      expect(answer.status).toBe(status);
      if (code !== undefined) expect(JSON.parse(answer.text)).toMatchObject({ code });
    });

    it.each(['PUT', 'POST', 'PATCH'])('%s, and says what the path takes', async (method) => {
      const { status, headers } = await read('news', { method });
      expect(status).toBe(405);
      expect(headers.allow).toContain('GET, HEAD');
    });
  });

  it('costs what a poll of the channel costs, and nothing where the last page left off', async () => {
    await world.restart({ pollRate: { perSecond: 0.001, burst: 2 } });
    await publish('long', ...Array.from({ length: 700 }, (_, n) => String(n)));
    const ticket = world.node.ticket();
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++) statuses.push((await read('news', { ticket })).status);
    // A unit has to be there for a tenth of it.
    expect(statuses).toEqual([...Array(11).fill(200), 429]);
    const other = world.node.ticket('u2');
    for (let n = 0; n < 10; n++) await read('news', { ticket: other });
    let pages = 0;
    for (let path: string | undefined = '/v1/channels/long'; path !== undefined; pages++) {
      const answer = await get(world.node.url, path, { ticket: other });
      expect(answer.status).toBe(200);
      path = nextPage(path, answer);
    }
    expect(pages).toBeGreaterThan(2);
    expect((await read('news', { ticket: other })).status).toBe(429);
  });
});
