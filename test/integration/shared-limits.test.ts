// Shared limits in a real Redis: four nodes have one count; Redis away or slow costs nobody time.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisLeases } from '../../src/broker/redis/shared-limits.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import type { RateLimitConfig } from '../../src/limits/create-rate-limiter.js';
import type { LeaseOrder } from '../../src/limits/shared-limiter.js';
import { type LeaseStore, SharedLimits } from '../../src/limits/shared-limits.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.admin.flushall());

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function openStore(member: string): Promise<LeaseStore> {
  const namespaces = new Namespaces();
  const connection = new RedisConnection({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  opened.push(() => connection.close());
  await connection.start();
  return createRedisLeases(connection, member);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the count in Redis', () => {
  const CONFIGS: readonly RateLimitConfig[] = [
    { algorithm: 'token-bucket', perSecond: 100, burst: 40 },
    { algorithm: 'leaky-bucket', perSecond: 100, capacity: 40 },
    { algorithm: 'fixed-window', limit: 40, windowMs: 400 },
    { algorithm: 'sliding-window-counter', limit: 40, windowMs: 400 },
  ];

  it.each(CONFIGS)('lends a quarter at a time, and waits as long as it says: $algorithm', async (config) => {
    const store = await openStore('one');
    const order = (spent: number, wanted: number): LeaseOrder => ({ subject: 'x', config, spent, wanted });
    const first = await store.lease(order(0, 1));
    expect(first).toMatchObject({ granted: 10, retryAfterMs: 0 });
    // More than there is: what was spent counts, whatever was left.
    const refused = await store.lease(order(40, 1));
    expect(refused.granted).toBe(0);
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(800);
    await pause(refused.retryAfterMs);
    expect((await store.lease(order(0, 1))).retryAfterMs).toBe(0);
  });

  it.each(CONFIGS)('takes back what was not spent: $algorithm', async (config) => {
    const store = await openStore('one');
    const order = (spent: number, wanted: number): LeaseOrder => ({ subject: 'y', config, spent, wanted });
    await store.lease(order(40, 0));
    expect((await store.lease(order(-30, 0))).remaining).toBeGreaterThanOrEqual(30);
  });

  it('lends less to each the more ask', async () => {
    const [config] = CONFIGS;
    if (config === undefined) throw new Error('no limit');
    const granted = [];
    for (const member of ['a', 'b', 'c', 'd']) {
      const store = await openStore(member);
      granted.push((await store.lease({ subject: 'z', config, spent: 0, wanted: 1 })).granted);
    }
    expect(granted.map((units) => Math.round(units * 10) / 10)).toEqual([10, 5, 3.3, 2.5]);
  });

  it('begins anew where somebody wrote something else, and leaves no key behind', async () => {
    const store = await openStore('one');
    const config = { algorithm: 'fixed-window', limit: 8, windowMs: 100 } as const;
    await store.lease({ subject: 'w', config, spent: 1, wanted: 0 });
    const [key = ''] = await redis.admin.keys('fanfare:{!limit:*');
    expect(await redis.admin.pttl(key)).toBeGreaterThan(0);
    await redis.admin.set(key, 'odd');
    expect((await store.lease({ subject: 'w', config, spent: 1, wanted: 0 })).remaining).toBe(7);
    await redis.admin.hset(key, 'x', 'odd', 'a', 'odd');
    expect((await store.lease({ subject: 'w', config, spent: 1, wanted: 0 })).remaining).toBe(7);
  });
});

describe('four nodes', () => {
  const shared = { algorithm: 'sliding-window-counter', rate: { units: 100, perMs: 1_000 }, shared: true } as const;

  async function startNodes(slowMs = 0) {
    const nodes: { node: TestNode; sharedLimits: SharedLimits }[] = [];
    for (let n = 0; n < 4; n++) {
      const inner = await openStore(`n${n}`);
      const lease = async (order: LeaseOrder) => {
        if (slowMs > 0) await pause(slowMs);
        return inner.lease(order);
      };
      const sharedLimits = new SharedLimits({ lease });
      sharedLimits.start();
      opened.push(() => sharedLimits.close());
      const engine = n % 2 === 0 ? 'uws' : 'ws';
      const node = await startNode({ engine, parts: { sharedLimits }, limits: { publishes: shared } });
      opened.push(() => node.close());
      nodes.push({ node, sharedLimits });
    }
    return nodes;
  }

  async function connected({ node }: { node: TestNode }) {
    const client = new SocketClient(node.url);
    opened.push(() => client.close());
    client.connect(node.ticket('one'));
    await client.events.nextOf('connected');
    const answers = { passed: 0, refused: 0 };
    const count = async () => {
      for (;;) {
        const { type } = await client.events.nextOf('published', 'error', 'closed');
        if (type === 'closed') return;
        if (type === 'published') answers.passed++;
        else answers.refused++;
      }
    };
    void count();
    return { answers, publish: () => void client.command({ type: 'publish', channel: 'news', data: 1 }) };
  }
  type Client = Awaited<ReturnType<typeof connected>>;

  /** Publishes at so many a second by each, evenly; answers how many passed of them, and how long it took. */
  async function flood(clients: readonly Client[], perSecond: number, seconds: number) {
    const before = passedBy(clients);
    let sent = 0;
    const startedMs = performance.now();
    while (sent < perSecond * seconds) {
      const due = Math.min(perSecond * seconds, ((performance.now() - startedMs) / 1_000) * perSecond);
      for (; sent < due; sent++) for (const client of clients) client.publish();
      await pause(4);
    }
    const done = () => clients.reduce((sum, { answers }) => sum + answers.passed + answers.refused, 0);
    await expect.poll(done).toBeGreaterThanOrEqual(before + perSecond * seconds * clients.length);
    return { passed: passedBy(clients) - before, tookS: (performance.now() - startedMs) / 1_000 };
  }

  const passedBy = (clients: readonly Client[]) => clients.reduce((sum, { answers }) => sum + answers.passed, 0);

  it('let one user publish as much as one node would', async () => {
    const clients = await Promise.all((await startNodes()).map(connected));
    // From the beginning of a window on: elsewhere a window's units come at once before the pace begins.
    await pause(1_000 - (Date.now() % 1_000));
    const { passed, tookS } = await flood(clients, 250, 4);
    expect(passed).toBeGreaterThanOrEqual(360);
    // What a busy machine takes longer brings more windows.
    expect(passed).toBeLessThanOrEqual(110 * Math.ceil(tookS));
  });

  it('let everybody pass while Redis is away, and hold again within two seconds of its return', async () => {
    const nodes = await startNodes();
    const clients = await Promise.all(nodes.map(connected));
    await flood(clients, 250, 1);
    await redis.kill();
    const failedOpen = () => nodes.reduce((sum, { sharedLimits }) => sum + sharedLimits.failedOpen, 0);
    await flood(clients, 100, 1);
    const away = failedOpen();
    expect((await flood(clients, 100, 1)).passed).toBe(400);
    expect(failedOpen()).toBeGreaterThan(away);
    await redis.restart();
    await flood(clients, 100, 2);
    const { passed: held, tookS } = await flood(clients, 250, 2);
    expect(held).toBeLessThanOrEqual(110 * (tookS + 1));
    expect(held).toBeGreaterThanOrEqual(160);
  });

  it('answer as quickly with a Redis that takes 200 ms', async () => {
    const [node] = await startNodes(200);
    if (node === undefined) throw new Error('no node');
    const client = await connected(node);
    const tookMs: number[] = [];
    for (let n = 0; n < 40; n++) {
      const beganMs = performance.now();
      const wanted = client.answers.passed + client.answers.refused + 1;
      client.publish();
      while (client.answers.passed + client.answers.refused < wanted) await pause(1);
      tookMs.push(performance.now() - beganMs);
    }
    expect(tookMs.sort((a, b) => a - b)[20]).toBeLessThan(100);
    expect(client.answers.passed).toBe(40);
  });
});
