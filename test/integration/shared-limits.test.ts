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
afterAll(() => redis?.stop());
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
    // A window that ends between the two has nothing to give back to.
    const lasting = 'windowMs' in config ? { ...config, windowMs: 3_600_000 } : config;
    const order = (spent: number, wanted: number): LeaseOrder => ({ subject: 'y', config: lasting, spent, wanted });
    await store.lease(order(40, 0));
    expect((await store.lease(order(-30, 0))).remaining).toBeGreaterThanOrEqual(30);
  });

  it.each(CONFIGS)('goes on filling where the clock has gone back 45 s: $algorithm', async (config) => {
    const store = await openStore('one');
    const order = (spent: number): LeaseOrder => ({ subject: 'back', config, spent, wanted: 0 });
    await store.lease(order(40));
    const [key = ''] = await redis.admin.keys('fanfare:{!limit:*');
    await redis.admin.hincrbyfloat(key, 'a', 45_000);
    const remaining = async () => (await store.lease(order(0))).remaining;
    await expect.poll(remaining, { timeout: 20_000 }).toBeGreaterThan(20);
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
  /** Nothing comes back while a test runs. */
  const once = (units: number) =>
    ({ algorithm: 'sliding-window-counter', rate: { units, perMs: 3_600_000 }, shared: true }) as const;

  async function startNodes(units: number, delayed: (store: LeaseStore) => LeaseStore = (store) => store) {
    const nodes: { node: TestNode; sharedLimits: SharedLimits }[] = [];
    for (let n = 0; n < 4; n++) {
      const sharedLimits = new SharedLimits(delayed(await openStore(`n${n}`)));
      sharedLimits.start();
      opened.push(() => sharedLimits.close());
      const engine = n % 2 === 0 ? 'uws' : 'ws';
      const node = await startNode({ engine, parts: { sharedLimits }, limits: { publishes: once(units) } });
      opened.push(() => node.close());
      nodes.push({ node, sharedLimits });
    }
    return nodes;
  }

  /** Publishes once, and answers whether it passed. */
  async function publisherAt({ node }: { readonly node: TestNode }): Promise<() => Promise<boolean>> {
    const client = new SocketClient(node.url);
    opened.push(() => client.close());
    client.connect(node.ticket('one'));
    await client.events.nextOf('connected');
    return async () => {
      client.command({ type: 'publish', channel: 'news', data: 1 });
      const { type, code } = await client.events.nextOf('published', 'error', 'closed');
      if (type === 'error') expect(code).toBe('rate_limited');
      else expect(type).toBe('published');
      return type === 'published';
    };
  }

  it('let one user publish as much as one node would', async () => {
    const publishers = await Promise.all((await startNodes(200)).map(publisherAt));
    let passed = 0;
    const flood = async (publish: () => Promise<boolean>) => {
      for (let n = 0; n < 150; n++) {
        if (await publish()) passed++;
        // The answer to what was asked is back before the next is sent.
        await pause(2);
      }
    };
    await Promise.all(publishers.map(flood));
    // Each may hold a lease of at most a sixteenth that nobody spends, or have passed as much beyond.
    expect(passed).toBeGreaterThanOrEqual(150);
    expect(passed).toBeLessThanOrEqual(250);
  });

  it('let everybody pass while Redis is away, and hold again after its return', async () => {
    const nodes = await startNodes(20);
    const publishers = await Promise.all(nodes.map(publisherAt));
    const all = async () => (await Promise.all(publishers.map((publish) => publish()))).filter(Boolean).length;
    await expect.poll(all).toBe(0);
    await redis.kill();
    try {
      await expect.poll(all, { interval: 200 }).toBe(4);
      expect(nodes.reduce((sum, { sharedLimits }) => sum + sharedLimits.failedOpen, 0)).toBeGreaterThan(0);
    } finally {
      await redis.restart();
    }
    await expect.poll(all, { interval: 100 }).toBe(0);
  });

  it('answer before a Redis does that takes its time', async () => {
    const answers: (() => void)[] = [];
    const held = (store: LeaseStore): LeaseStore => ({
      lease: (order) => new Promise((resolve) => answers.push(() => resolve(store.lease(order)))),
    });
    const [first] = await startNodes(200, held);
    if (first === undefined) throw new Error('no node');
    const publish = await publisherAt(first);
    for (let n = 0; n < 40; n++) expect(await publish()).toBe(true);
    expect(answers.length).toBe(1);
    answers[0]?.();
  });
});
