// Publishes that nobody keeps, by HTTP and by WebSocket, on every engine and broker; and keys of backends that are not for everything.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { PUBLISH_KEY, startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SHOP_KEY = 'publish-key-of-the-shop-0123456789';
const READ_KEY = 'publish-key-of-a-reader-0123456789';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const WORLDS = (['uws', 'ws'] as const).flatMap((engine) =>
  (['memory', 'redis'] as const).map((broker) => ({ engine, broker })),
);

describe.each(WORLDS)('on $engine with the $broker broker', ({ engine, broker }) => {
  let node: TestNode;
  let channel = '';
  let round = 0;
  const links: SocketClient[] = [];

  beforeEach(async () => {
    channel = `${engine}-${broker}:${++round}`;
    const namespaces = new Namespaces();
    const onRedis = () => createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
    const everywhere = { patterns: ['*'], rights: ['publish'] } as const;
    const publishKeys = [
      { key: PUBLISH_KEY, ...everywhere },
      { key: SHOP_KEY, name: 'shop', patterns: ['order:*', 'news'], rights: ['publish'] },
      { key: READ_KEY, patterns: ['*'], rights: ['read'] },
    ] as const;
    node = await startNode({ engine, options: { publishKeys }, ...(broker === 'redis' && { broker: onRedis() }) });
  });
  afterEach(async () => {
    for (const link of links.splice(0)) link.close();
    await node.close();
  });

  const publish = (body: unknown, ticket = PUBLISH_KEY) => post(`${node.url}/v1/publish`, body, { ticket });
  const stored = async () =>
    (await node.broker.read(channel, '-1', { maxEntries: 100, maxBytes: 65_536 })).entries.map(({ data }) =>
      String(data),
    );
  async function listener(...grants: Parameters<TestNode['ticket']>): Promise<SocketClient> {
    const link = new SocketClient(node.url);
    links.push(link);
    link.connect(node.ticket(...grants));
    await link.events.nextOf('connected');
    link.command({ type: 'subscribe', channels: { [channel]: 'now' } });
    await link.events.nextOf('subscribed');
    return link;
  }

  it('a backend hands a message to whoever listens, and it stands in no history', async () => {
    const link = await listener();
    const { status, body } = await publish({ channel, data: { x: 1 }, history: false });
    expect([status, body]).toEqual([200, { channel }]);
    expect(await link.events.nextOf('message')).toEqual({ type: 'message', channel, data: { x: 1 } });
    expect((await publish({ channel, data: 2, history: true })).body).toEqual({ channel, offset: expect.any(String) });
    expect((await link.events.nextOf('message')).offset).toEqual(expect.any(String));
    expect(await stored()).toEqual(['2']);
  });

  it('of several each is kept or not, as it says', async () => {
    const messages = [
      { channel, data: 1 },
      { channel, data: 2, history: false },
      { channel, data: 3, key: 'k' },
    ];
    const link = await listener();
    const { status, body } = await publish({ messages });
    const offset = expect.any(String);
    expect([status, body.results]).toEqual([200, [{ channel, offset }, { channel }, { channel, offset }]]);
    expect((await link.events.take(3, 'message')).map(({ data }) => data).sort()).toEqual([1, 2, 3]);
    const all = await publish({ channels: [channel, `${channel}x`], data: 4, history: false });
    expect(all.body.results).toEqual([{ channel }, { channel: `${channel}x` }]);
    expect(await stored()).toEqual(['1', '3']);
  });

  it('a client may where its token has a pattern of publishLive, which is no grant of anything else', async () => {
    const live = await listener('typist', { publish: [], publishLive: [channel] });
    const id = live.command({ type: 'publish', channel, data: 'typing', history: false });
    const both = await live.events.take(2, 'published', 'message', 'error');
    expect(both).toContainEqual({ type: 'published', id, channel });
    expect(both).toContainEqual({ type: 'message', channel, data: 'typing' });
    live.command({ type: 'publish', channel, data: 'kept' });
    expect(await live.events.nextOf('error')).toMatchObject({ code: 'forbidden' });
    const logged = await listener('writer', { publish: [channel] });
    logged.command({ type: 'publish', channel, data: 'typing', history: false });
    expect(await logged.events.nextOf('error')).toMatchObject({ code: 'forbidden' });
    expect((await publish({ channel, data: 1, history: false }, node.ticket('writer'))).status).toBe(403);
    const typist = node.ticket('typist', { publish: [], publishLive: [channel] });
    expect((await publish({ channel, data: 1, history: false }, typist)).body).toEqual({ channel });
    expect(await stored()).toEqual([]);
  });

  it('a repeated key is told by WebSocket too', async () => {
    const link = await listener();
    const send = () => link.command({ type: 'publish', channel, data: 1, key: 'k' });
    send();
    const first = await link.events.nextOf('published');
    const id = send();
    expect(await link.events.nextOf('published')).toEqual({ ...first, id, duplicate: true });
    expect('duplicate' in first).toBe(false);
    expect(node.node.stats()).toMatchObject({ publishedSockets: 1, publishedHttp: 0 });
  });

  it('a key of backends is good for its patterns and rights alone', async () => {
    expect((await publish({ channel: 'order:1', data: 1 }, SHOP_KEY)).status).toBe(200);
    const other = await publish({ channel: 'orders', data: 1 }, SHOP_KEY);
    expect([other.status, other.body.code, other.body.detail]).toEqual([
      403,
      'forbidden',
      'the publish key shop is not for orders',
    ]);
    const several = await publish({ channels: ['news', channel], data: 1 }, SHOP_KEY);
    expect([several.status, several.body.results]).toEqual([
      207,
      [{ channel: 'news', offset: expect.any(String) }, expect.objectContaining({ channel, code: 'forbidden' })],
    ]);
    const reader = await publish({ channel, data: 1 }, READ_KEY);
    expect([reader.status, reader.body.detail]).toEqual([403, 'the publish key has no right to publish']);
    expect(await stored()).toEqual([]);
  });
});
