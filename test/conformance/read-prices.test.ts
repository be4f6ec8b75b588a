// What is read is paid for, by its bytes, afterwards: polls, streams and subscribes, out of memory and out of the log.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const namespaces = new Namespaces({ default: { historySize: 60 } });
const RATE = { perSecond: 1, burst: 40 };
/** 60 of 60 kB: 3.4 MiB, or 55 units. */
const MESSAGES = 60;
const DATA = `"${'x'.repeat(60_000)}"`;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const brokers: Record<string, () => Broker> = {
  memory: () => createMemoryBroker({ namespaces }),
  redis: () => createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger }),
};
const cells = (['uws', 'ws'] as const).flatMap((engine) => Object.keys(brokers).map((kind) => ({ engine, kind })));

describe.each(cells)('reading on the $engine engine and the $kind broker', ({ engine, kind }) => {
  let node: TestNode;
  let feeds: Feed[];

  beforeEach(async () => {
    await redis.admin.flushall();
    feeds = [];
    const broker = brokers[kind]?.();
    if (broker === undefined) throw new TypeError(kind);
    node = await startNode({ engine, broker, pollRate: RATE });
    for (let n = 0; n < MESSAGES; n++) await broker.publish({ channel: 'big', data: DATA });
    await broker.publish({ channel: 'small', data: '1' });
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    await node.close();
  });

  async function poll(ticket: string, channels: Record<string, unknown>) {
    const response = await fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels, waitMs: 0, features: ['positions'] }),
    });
    const body = response.status === 200 ? ((await response.json()) as PollBody) : undefined;
    await response.body?.cancel().catch(() => undefined);
    return { status: response.status, retryAfter: Number(response.headers.get('retry-after')), body };
  }
  interface PollBody {
    readonly channels: Readonly<Record<string, { readonly offset: string; readonly more?: boolean }>>;
  }

  it('lets few polls of a large history through, and says when the next one is', async () => {
    const ticket = node.ticket();
    let passed = 0;
    let answer = await poll(ticket, { big: '-1' });
    for (; answer.status === 200; answer = await poll(ticket, { big: '-1' })) passed++;
    // Each is answered with about 1 MiB, 16 units of 40.
    expect(passed).toBeGreaterThanOrEqual(2);
    expect(passed).toBeLessThanOrEqual(4);
    expect(answer.status).toBe(429);
    expect(answer.retryAfter).toBeGreaterThan(0);
    expect(answer.retryAfter).toBeLessThanOrEqual(60);
    expect((await poll(node.ticket('somebody else'), { small: '-1' })).status).toBe(200);
  });

  it('lets who reads on after `more` do so to the end, and lets him pay then', async () => {
    const ticket = node.ticket();
    let after = '-1';
    let more = true;
    let polls = 0;
    while (more) {
      const { status, body } = await poll(ticket, { big: after });
      expect(status).toBe(200);
      after = body?.channels.big?.offset ?? '';
      more = body?.channels.big?.more === true;
      polls++;
    }
    expect(polls).toBeGreaterThan(2);
    expect((await poll(ticket, { big: '-1' })).status).toBe(429);
  });

  it('asks nothing more for small answers', async () => {
    const ticket = node.ticket();
    for (let n = 0; n < 200; n++) expect((await poll(ticket, { small: '-1' })).status).toBe(200);
  });

  it('charges the last messages by what was looked at', async () => {
    const ticket = node.ticket();
    let passed = 0;
    while ((await poll(ticket, { big: { last: MESSAGES } })).status === 200) passed++;
    expect(passed).toBeLessThanOrEqual(4);
  });

  it('refuses a subscribe that reads while what was read is owed, and nothing else', async () => {
    const client = new SocketClient(node.url);
    feeds.push(client);
    client.connect(node.ticket());
    await client.events.nextOf('connected');
    let refused = 0;
    let rounds = 0;
    for (; refused === 0 && rounds < 10; rounds++) {
      const id = client.command({ type: 'subscribe', channels: { big: '-1' } });
      const answer = await client.events.nextOf('subscribed', 'error');
      if (answer.type === 'error') {
        expect(answer).toMatchObject({ id, code: 'rate_limited', retryAfterMs: expect.any(Number) });
        refused++;
        break;
      }
      await client.events.take(MESSAGES, 'message');
      client.command({ type: 'unsubscribe', channels: ['big'] });
      await client.events.nextOf('unsubscribed');
    }
    expect(refused).toBe(1);
    expect(rounds).toBeLessThanOrEqual(2);
    client.command({ type: 'subscribe', channels: { small: 'now' } });
    expect(await client.events.nextOf('subscribed', 'error')).toMatchObject({ type: 'subscribed' });
    client.command({ type: 'publish', channel: 'small', data: 2 });
    const answers = await client.events.take(2, 'published', 'message', 'error');
    expect(answers.map(({ type }) => type).sort()).toEqual(['message', 'published']);
  });

  it('has streams paid for as polls are', async () => {
    const ticket = node.ticket();
    const feed = FEEDS.sse?.({ url: node.url, ticket }, { big: '-1' });
    if (feed === undefined) throw new TypeError('sse');
    feeds.push(feed);
    await feed.events.take(MESSAGES, 'message');
    expect((await poll(ticket, { small: '-1' })).status).toBe(429);
  });
});
