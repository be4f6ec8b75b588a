// Somebody wrote something else into the keys of a channel: it alone suffers, says so, and heals when that is removed.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.each(['uws', 'ws'] as const)('a channel whose keys hold something foreign, on the %s engine', (engine) => {
  let node: TestNode;
  let logger: RecordingLogger;
  let feeds: Feed[];

  beforeEach(async () => {
    await redis.admin.flushall();
    logger = new RecordingLogger();
    feeds = [];
    const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(), logger });
    node = await startNode({ engine, broker, logger });
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    await node.close();
  });

  const publish = (channel: string) => node.broker.publish({ channel, data: '1' });
  const spoil = (channel: string, key: string) => redis.admin.set(`fanfare:{${channel}}:${key}`, 'foreign');

  function open(): SocketClient {
    const client = new SocketClient(node.url);
    feeds.push(client);
    client.connect(node.ticket());
    return client;
  }

  async function poll(channels: Record<string, string>, waitMs: number) {
    const response = await fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${node.ticket()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels, waitMs }),
    });
    return { status: response.status, body: (await response.json()) as { channels: object } };
  }

  it('answers its subscribers with `internal`, names the keys in the log, and serves the others', async () => {
    await spoil('bad', 'log');
    const client = open();
    const id = client.command({ type: 'subscribe', channels: { bad: 'now', good: 'now' } });
    const answers = await client.events.take(2, 'subscribed', 'error');
    expect(answers.find(({ channel }) => channel === 'good')).toMatchObject({ type: 'subscribed' });
    const refusal = answers.find(({ channel }) => channel === 'bad');
    expect(refusal).toMatchObject({ type: 'error', id, code: 'internal', retryAfterMs: expect.any(Number) });
    const offset = await publish('good');
    expect(await client.events.nextOf('message')).toMatchObject({ channel: 'good', offset });
    const errors = logger.lines.filter(({ level }) => level === 'error');
    expect(errors.some(({ fields }) => 'keys' in fields && fields.keys === 'fanfare:{bad}:*')).toBe(true);
  });

  it('tells a stream, and goes on with its other channels', async () => {
    await spoil('bad', 'log');
    const feed = FEEDS.sse?.({ url: node.url, ticket: node.ticket() }, { bad: '-1', good: 'now' });
    if (feed === undefined) throw new TypeError('sse');
    feeds.push(feed);
    await feed.events.take(2, 'subscribed', 'error');
    const offset = await publish('good');
    expect(await feed.events.nextOf('message', 'closed')).toMatchObject({ channel: 'good', offset });
  });

  it('fails its polls with 500, long ones at once, and answers what others have', async () => {
    await spoil('bad', 'log');
    const first = await publish('good');
    const refused = { status: 500, body: { code: 'internal', channels: ['bad'] } };
    expect(await poll({ bad: 'now' }, 0)).toMatchObject(refused);
    const shorter = poll({ good: first }, 10_000);
    expect(await Promise.race([shorter, poll({ bad: 'now' }, 20_000)])).toMatchObject(refused);
    const offset = await publish('good');
    expect(await shorter).toMatchObject({ status: 200 });
    await poll({ good: 'now' }, 1_000);
    const { status, body } = await poll({ bad: 'now', good: 'now' }, 20_000);
    expect({ status, body }).toMatchObject({ status: 200, body: { channels: { good: { offset } } } });
  });

  it('can be subscribed to again once the key is gone', async () => {
    await spoil('bad', 'log');
    const client = open();
    const subscribe = () => client.command({ type: 'subscribe', channels: { bad: 'now' } });
    subscribe();
    await client.events.nextOf('error');
    await redis.admin.del('fanfare:{bad}:log');
    do subscribe();
    while ((await client.events.nextOf('subscribed', 'error')).type === 'error');
    const offset = await publish('bad');
    expect(await client.events.nextOf('message', 'gap')).toMatchObject({ type: 'message', offset });
    expect(logger.texts('info')).toContain('the history of a channel can be read again');
  });

  it('tells who is live on it a gap once the key is gone', async () => {
    const client = open();
    client.command({ type: 'subscribe', channels: { bad: 'now', good: 'now' } });
    await client.events.take(2, 'subscribed');
    const last = await publish('bad');
    expect(await client.events.nextOf('message')).toMatchObject({ offset: last });
    for (const key of ['log', 'tail']) await spoil('bad', key);
    // Something on the bus that cannot be used has the node read the log.
    await redis.admin.publish('fanfare:{bad}', '\u00011broken');
    while (!logger.texts('error').includes("a channel's history cannot be read")) {
      await publish('good');
      expect(await client.events.nextOf('message', 'gap', 'error')).toMatchObject({ channel: 'good' });
    }
    await redis.admin.del('fanfare:{bad}:log', 'fanfare:{bad}:tail');
    const gap = await client.events.nextOf('message', 'gap', 'error', 'closed');
    expect(gap).toMatchObject({ type: 'gap', channel: 'bad', after: last, reason: 'lost' });
    const offset = await publish('bad');
    expect(await client.events.nextOf('message', 'gap')).toMatchObject({ type: 'message', channel: 'bad', offset });
  });
});
