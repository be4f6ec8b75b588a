// Links that three nodes in processes of their own count together: one is killed, and Redis goes and comes back.

import { afterEach, expect, it } from 'vitest';
import { LINK_SHARDS } from '../../src/limits/shared-links.js';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { SocketClient } from '../support/feed.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const MAX = 6;
const WITHIN = { timeout: 10_000 };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What became of a client: whether it is let in now, and open. */
class Attempt {
  isOpen = false;
  readonly #client: SocketClient;

  constructor(url: string) {
    this.#client = new SocketClient(url);
    closing.push(() => this.close());
  }

  async connect(ticket: string): Promise<this> {
    this.#client.connect(ticket);
    const { type } = await this.#client.events.nextOf('connected', 'error', 'closed');
    this.isOpen = type === 'connected';
    if (this.isOpen) void this.#client.events.nextOf('closed').then(() => this.close());
    return this;
  }

  close(): void {
    this.isOpen = false;
    this.#client.close();
  }
}

/** At those that live. */
async function failedOpen({ nodes }: Cluster): Promise<number> {
  let sum = 0;
  for (const id of ['n2', 'n3']) {
    const { url } = nodes.get(id) ?? {};
    const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
    sum += Number(/^fanfare_limits_failed_open_total\S* (\d+)/m.exec(await answer.text())?.[1]);
  }
  return sum;
}

/** Nodes that have told, of each part of the subjects. */
async function membersOf({ admin }: RedisServer): Promise<number[]> {
  const keys = Array.from({ length: LINK_SHARDS }, (_, shard) => `fanfare:{!links:${shard}}`);
  const all = await Promise.all(keys.map((key) => admin.hget(key, 'members'))).catch(() => []);
  return all.map((members) => (members ?? '').split(';').length - 1);
}

it('a killed node gives its places back, and Redis that was away counts again what it has heard before', async () => {
  const redis: RedisServer = await startRedis();
  closing.push(() => redis.stop());
  const cluster = await startCluster({
    engines: ['uws', 'ws', 'uws'],
    env: {
      FANFARE_REDIS_URL: redis.url,
      FANFARE_LIMITS: JSON.stringify({ links: { max: MAX, shared: true }, connects: { rate: '1000/s', burst: 1_000 } }),
    },
  });
  closing.push(() => cluster.close());
  const tickets = await Promise.all(Array.from({ length: 120 }, () => cluster.ticket('one')));
  const attempts: Attempt[] = [];
  const open = () => attempts.filter(({ isOpen }) => isOpen).length;
  /** One more client at each of these; answers how many of them were let in. */
  const come = async (...ids: string[]) => {
    const before = open();
    for (const id of ids) {
      const attempt = new Attempt(cluster.nodes.get(id)?.url ?? '');
      attempts.push(await attempt.connect(tickets[attempts.length % tickets.length] ?? ''));
    }
    return open() - before;
  };
  for (let n = 0; n < 3; n++) await come('n1', 'n2', 'n3');
  await expect.poll(open, WITHIN).toBe(MAX);

  cluster.nodes.get('n1')?.kill('SIGKILL');
  await expect.poll(open, WITHIN).toBeLessThan(MAX);
  await expect.poll(() => come('n2'), { timeout: 30_000, interval: 500 }).toBe(1);
  for (let n = 0; n < 3; n++) await come('n2', 'n3');
  await expect.poll(open, WITHIN).toBe(MAX);

  await redis.kill();
  // Each counts its own.
  await expect.poll(() => come('n2', 'n3').then(open), { timeout: 20_000, interval: 100 }).toBe(2 * MAX);
  expect(await failedOpen(cluster)).toBeGreaterThanOrEqual(MAX);
  await redis.restart();
  await expect.poll(() => membersOf(redis), { timeout: 20_000 }).toEqual(Array(LINK_SHARDS).fill(2));
  // Those who came stay. When half of them have gone there is no room for more: whoever a node lets in that has none of them ends.
  for (const one of attempts.filter(({ isOpen }) => isOpen).slice(0, MAX)) one.close();
  const after = await failedOpen(cluster);
  for (let n = 0; n < 3; n++) {
    await come('n2', 'n3');
    await expect.poll(open, WITHIN).toBe(MAX);
  }
  expect(await failedOpen(cluster)).toBe(after);
});
