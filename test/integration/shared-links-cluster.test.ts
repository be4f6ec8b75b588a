// Links that three nodes in processes of their own count together: one is killed, and Redis goes and comes back.

import { afterEach, expect, it } from 'vitest';
import { LINK_SHARDS } from '../../src/limits/shared-links.js';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { SocketClient } from '../support/feed.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { tellAnew, tellersOf, toldLinks } from '../support/told-links.js';

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
  // Each is a session, and a second link of one does not count.
  const tickets = await Promise.all(Array.from({ length: 400 }, () => cluster.ticket('one')));
  const attempts: Attempt[] = [];
  const open = () => attempts.filter(({ isOpen }) => isOpen).length;
  /** One more client at each of these; answers how many of them were let in. */
  const come = async (...ids: string[]) => {
    const before = open();
    for (const id of ids) {
      const attempt = new Attempt(cluster.nodes.get(id)?.url ?? '');
      const ticket = tickets.pop();
      if (ticket === undefined) throw new Error('no ticket is left');
      attempts.push(await attempt.connect(ticket));
    }
    return open() - before;
  };
  /** Comes at each of these, until everybody has heard of everybody; answers how many are there then. */
  const settled = async (...ids: string[]) => {
    await come(...ids);
    await tellAnew(redis.admin);
    return open();
  };
  await expect.poll(() => settled('n1', 'n2', 'n3'), { timeout: 20_000 }).toBe(MAX);

  cluster.nodes.get('n1')?.kill('SIGKILL');
  await expect.poll(open, WITHIN).toBeLessThan(MAX);
  await expect.poll(() => come('n2'), { timeout: 30_000, interval: 500 }).toBe(1);
  await expect.poll(() => settled('n2', 'n3'), { timeout: 20_000 }).toBe(MAX);

  await redis.kill();
  // Each counts its own.
  await expect.poll(() => come('n2', 'n3').then(open), { timeout: 20_000, interval: 250 }).toBe(2 * MAX);
  expect(await failedOpen(cluster)).toBeGreaterThanOrEqual(MAX);
  await redis.restart();
  const tellers = async () => (await tellersOf(redis.admin)).map(({ size }) => size);
  await expect.poll(tellers, { timeout: 20_000 }).toEqual(Array(LINK_SHARDS).fill(2));
  // Until then nobody knows that there are too many.
  await expect.poll(() => toldLinks(redis.admin), { timeout: 20_000 }).toBe(2 * MAX);
  // Those who came stay. When half of them have gone there is no room for more: whoever a node lets in that has none of them ends.
  for (const one of attempts.filter(({ isOpen }) => isOpen).slice(0, MAX)) one.close();
  const after = await failedOpen(cluster);
  for (let n = 0; n < 2; n++) expect(await settled('n2', 'n3')).toBe(MAX);
  expect(await failedOpen(cluster)).toBe(after);
});
