// Links that four nodes count together in a real Redis: of every kind, by user and by address, when clients move, when the count is lost.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisLinks } from '../../src/broker/redis/shared-links.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { SharedLinks } from '../../src/limits/shared-links.js';
import type { SharedBound } from '../../src/limits/shared-subject.js';
import { openStream, SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { tellAnew, tellersOf, toldLinks } from '../support/told-links.js';

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

const ENGINES = ['uws', 'ws', 'uws', 'ws'] as const;
const WITHIN = { timeout: 10_000 };
const TOO_MANY = { code: 'too_many_connections', retryAfterMs: expect.any(Number) };

interface SharingNode extends TestNode {
  readonly sharedLinks: SharedLinks;
}

/** Nodes of one cluster that know of one another. */
async function startNodes(bound: SharedBound, engines: readonly ('uws' | 'ws')[] = ENGINES): Promise<SharingNode[]> {
  const nodes: SharingNode[] = [];
  for (const [at, engine] of engines.entries()) {
    const options = { url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
    const connection = new RedisConnection(options);
    opened.push(() => connection.close());
    await connection.start();
    const sharedLinks = new SharedLinks({ store: createRedisLinks(connection, `m${at}`), bound });
    sharedLinks.start();
    opened.push(() => sharedLinks.close());
    const own = { linksPerUser: bound.max, linksBy: bound.by };
    const namespaces = { demo: { anonymous: true } };
    const node = await startNode({ engine, options: own, namespaces, parts: { sharedLinks } });
    opened.push(() => node.close());
    nodes.push({ ...node, sharedLinks });
  }
  const tellers = async () => Math.min(...(await tellersOf(redis.admin)).map(({ size }) => size));
  await expect.poll(tellers, WITHIN).toBe(engines.length);
  // Each hears of how many it is one.
  await tellAnew(redis.admin, () => beat(nodes));
  return nodes;
}

/** What a client's connect came to. */
async function connect({ url }: TestNode, ticket: string, localAddress?: string): Promise<SocketClient> {
  const client = new SocketClient(url, localAddress === undefined ? {} : { localAddress });
  opened.push(() => client.close());
  client.connect(ticket);
  await client.events.nextOf('connected', 'error');
  return client;
}

/** Links of all kinds; who polls and does not wait is none. */
function openLinks(nodes: readonly TestNode[]): number {
  const kinds = ['sockets', 'streams', 'waitingPolls'];
  return nodes.reduce((total, { node }) => kinds.reduce((sum, kind) => sum + (node.stats()[kind] ?? 0), total), 0);
}

/** Until nobody has anything to tell: each has told, and has heard. */
async function settled(nodes: readonly SharingNode[], links: number): Promise<void> {
  await expect.poll(() => openLinks(nodes), WITHIN).toBe(links);
  await expect.poll(() => toldLinks(redis.admin), WITHIN).toBe(links);
  await tellAnew(redis.admin, () => beat(nodes));
  expect(openLinks(nodes)).toBe(links);
}

function beat(nodes: readonly SharingNode[]): void {
  for (const { sharedLinks } of nodes) sharedLinks.beat();
}

it('one user at four nodes has as many links as at one', async () => {
  const nodes = await startNodes({ max: 8, by: 'user' });
  for (let n = 0; n < 5; n++) for (const node of nodes) await connect(node, node.ticket());
  await settled(nodes, 8);
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  await connect(first, first.ticket('u2'));
  await settled(nodes, 9);
});

it('clients without a name are counted by each node alone, and take nobody’s links', async () => {
  const nodes = await startNodes({ max: 8, by: 'user' });
  for (let n = 0; n < 5; n++) for (const node of nodes) await connect(node, node.ticket(null));
  await expect.poll(() => openLinks(nodes), WITHIN).toBe(20);
  for (let n = 0; n < 2; n++) for (const node of nodes) await connect(node, node.ticket());
  await expect.poll(() => openLinks(nodes), WITHIN).toBe(28);
  await expect.poll(() => toldLinks(redis.admin), WITHIN).toBe(8);
});

describe.each(['uws', 'ws'] as const)('at a node on %s that hears late that there is no room', (engine) => {
  it.each(['user', 'address'] as const)('links of every kind end, counted by %s', async (by) => {
    const [full, other] = await startNodes({ max: 2, by }, ['ws', engine]);
    if (full === undefined || other === undefined) throw new Error('no nodes');
    const nodes = [full, other];
    const user = (n: number) => (by === 'user' ? 'u1' : `u${n}`);
    for (const n of [1, 2]) await connect(full, full.ticket(user(n)));
    await settled(nodes, 2);

    const socket = await connect(other, other.ticket(user(3)));
    expect(await socket.events.nextOf('error')).toMatchObject(TOO_MANY);
    expect(await socket.events.nextOf('closed')).toMatchObject({ code: 4001 });
    await settled(nodes, 2);

    const stream = openStream({ url: other.url, ticket: other.ticket(user(4)) }, { news: 'now' });
    opened.push(() => stream.close());
    const { offset = '' } = await stream.events.nextOf('subscribed');
    expect(await stream.events.nextOf('close')).toMatchObject({ code: 4001, retryAfterMs: expect.any(Number) });
    await settled(nodes, 2);

    const polled = await post(
      `${other.url}/v1/poll`,
      { channels: { news: offset }, waitMs: 60_000 },
      { ticket: other.ticket(user(5)) },
    );
    expect(polled).toMatchObject({ status: 429, body: TOO_MANY });
    await settled(nodes, 2);
    if (by === 'address') await connect(other, other.ticket('u1'), '127.0.0.2');
    else await connect(other, other.ticket('u9'));
    await settled(nodes, 3);
  });
});

it('a client that moves to another node is not refused by its own older link', async () => {
  const nodes = await startNodes({ max: 4, by: 'user' });
  const tickets = nodes.map((node) => node.ticket());
  const clients: SocketClient[] = [];
  for (const [at, node] of nodes.entries()) clients.push(await connect(node, tickets[at] ?? ''));
  await settled(nodes, 4);
  // All of them at once, each to the next node.
  const moved = await Promise.all(nodes.map((node, at) => connect(node, tickets[(at + 1) % 4] ?? '')));
  await settled(nodes, 8);
  for (const client of clients) client.close();
  await settled(nodes, 4);
  for (const { events } of moved) expect(events.size).toBe(0);
});

it('the count is right again after Redis has lost it', async () => {
  const nodes = await startNodes({ max: 4, by: 'user' });
  for (const node of nodes) await connect(node, node.ticket());
  await settled(nodes, 4);
  await redis.admin.flushall();
  // Who is let in before all have told again stays: until then nobody knows that there are too many.
  await expect.poll(() => toldLinks(redis.admin), WITHIN).toBe(4);
  await tellAnew(redis.admin, () => beat(nodes));
  for (const node of nodes) await connect(node, node.ticket());
  await settled(nodes, 4);
});

it('costs a connect no call of Redis, and many connects few', async () => {
  const nodes = await startNodes({ max: 1_000, by: 'user' });
  const [node] = nodes;
  if (node === undefined) throw new Error('no node');
  const calls = async () => {
    const stats = await redis.admin.info('commandstats');
    return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1]);
  };
  const before = await calls();
  const beganMs = performance.now();
  for (let n = 0; n < 200; n++) await connect(node, node.ticket(`u${n}`));
  const seconds = (performance.now() - beganMs) / 1_000;
  // Eight parts: each makes at most a call in 50 ms, and each node one in a second besides.
  expect((await calls()) - before).toBeLessThan(8 * (20 * seconds + 2) + 8 * 4 * (seconds + 2));
  await settled(nodes, 200);
});

it('what is left in Redis of a node that has died goes, bit by bit', async () => {
  const options = { url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
  const connection = new RedisConnection(options);
  opened.push(() => connection.close());
  await connection.start();
  const [dead, alive] = ['dead', 'alive'].map((member) => createRedisLinks(connection, member));
  if (dead === undefined || alive === undefined) throw new Error('no stores');
  const telling = { shard: 3, after: 0, revision: 1 };
  const subjects = Array.from({ length: 20 }, (_, n) => ({ subject: `s${n}`, links: '1 session' }));
  expect(await dead.tell({ ...telling, subjects })).toMatchObject({ isKnown: false, nodes: 1 });
  const seen = await alive.tell({ ...telling, subjects: [{ subject: 's0', links: '2' }] });
  expect(seen).toEqual({ isKnown: false, nodes: 2, elsewhere: ['1 session'] });
  expect(await alive.tell({ ...telling, after: 1, revision: 2, subjects: [] })).toMatchObject({ isKnown: true });
  expect(await alive.tell({ ...telling, after: 1, revision: 3, subjects: [] })).toMatchObject({ isKnown: false });
  await dead.leave(3);
  const again = await alive.tell({ ...telling, after: 3, revision: 4, subjects: [{ subject: 's0', links: '' }] });
  expect(again).toEqual({ isKnown: true, nodes: 1, elsewhere: [''] });
  const key = 'fanfare:{!links:3}';
  // Believed for as long as who tells now, though the clock has gone back 45 s since.
  const later = Date.now() + 45_000;
  await redis.admin.hset(key, 'members', `other 1 ${later};`);
  await alive.tell({ ...telling, after: 3, revision: 4, subjects: [] });
  const [, other = '0'] = /other 1 (\d+);/.exec((await redis.admin.hget(key, 'members')) ?? '') ?? [];
  expect(Number(other)).toBeGreaterThan(Date.now());
  expect(Number(other)).toBeLessThan(later - 30_000);
  for (let n = 5; (await redis.admin.hlen(key)) > 1; n++) {
    if (n > 500) throw new Error('what it told stays');
    await alive.tell({ ...telling, after: n - 1, revision: n, subjects: [] });
  }
  expect(await redis.admin.pttl(key)).toBeGreaterThan(0);
});
