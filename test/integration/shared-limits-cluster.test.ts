// One user at four nodes in processes of their own, with a shared limit: what passes of a flood, while Redis is away, and while it is slow.

import { afterEach, expect, it } from 'vitest';
import { startFaultProxy } from '../chaos/fault-proxy.js';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { SocketClient } from '../support/feed.js';
import { readinessOf } from '../support/readiness.js';
import { type RedisServer, startRedis } from '../support/redis.js';

/** `FANFARE_TEST_SECONDS=10` holds the whole of what is promised. */
const SECONDS = Number(process.env.FANFARE_TEST_SECONDS ?? 3);
const NODES = 4;
const TICK_MS = 10;
const WINDOW_MS = 1_000;
/** What the four hold when the flood begins: whoever came first was lent a quarter of the limit, the second an eighth, and so on. */
const LEASES = 25 + 25 / 2 + 25 / 3 + 25 / 4;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(limits: object, env: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const cluster = await startCluster({
    engines: ['uws', 'ws', 'uws', 'ws'],
    env: { FANFARE_LIMITS: JSON.stringify({ commands: false, ...limits }), ...env },
  });
  closing.push(() => cluster.close());
  return cluster;
}

const HUNDRED = { algorithm: 'sliding-window-counter', rate: '100/1s', by: 'user', shared: true };

interface Counts {
  asked: number;
  /** Not refused by a limit, whatever became of it then. */
  passed: number;
  /** The longest that an answer took, of what has passed. */
  slowestMs: number;
}

/** Commands of one user, as many a second at each node. */
class Flood {
  readonly counts: Counts = { asked: 0, passed: 0, slowestMs: 0 };
  /** When each command was sent, of those that have no answer yet. */
  readonly #sent = new Map<string, number>();
  readonly #clients: readonly SocketClient[];
  readonly #timer: NodeJS.Timeout;

  private constructor(clients: readonly SocketClient[], perSecond: number) {
    this.#clients = clients;
    const beganMs = performance.now();
    // Where a tick is late, what it owes is sent with the next.
    this.#timer = setInterval(() => {
      const due = ((performance.now() - beganMs) * perSecond) / 1_000;
      while (this.counts.asked < due) {
        const at = this.counts.asked++ % NODES;
        const id = clients[at]?.command({ type: 'publish', channel: 'news', data: 1 });
        this.#sent.set(`${at} ${id}`, performance.now());
      }
    }, TICK_MS);
    for (const [at, client] of clients.entries()) void this.#count(client, at);
  }

  static async begin(cluster: Cluster, perSecond: number): Promise<Flood> {
    const clients = await Promise.all([...cluster.nodes.values()].map(({ url }) => connected(cluster, url)));
    // Whose count it is has been heard of at each node: at first nobody knows what is left, and all that comes within a round trip passes.
    for (let n = 0; n < 2; n++) {
      for (const client of clients) {
        client.command({ type: 'publish', channel: 'news', data: 0 });
        await client.events.nextOf('published');
      }
    }
    // With a window of the limit: one that has begun already has a whole limit to spend in what is left of it.
    await pause(WINDOW_MS - (Date.now() % WINDOW_MS));
    return new Flood(clients, perSecond);
  }

  async #count(client: SocketClient, at: number): Promise<void> {
    for (;;) {
      const { type, code, id } = await client.events.nextOf('published', 'error', 'closed');
      if (type === 'closed') return;
      const tookMs = performance.now() - (this.#sent.get(`${at} ${id}`) ?? Number.POSITIVE_INFINITY);
      this.#sent.delete(`${at} ${id}`);
      if (code === 'rate_limited') continue;
      this.counts.passed++;
      this.counts.slowestMs = Math.max(this.counts.slowestMs, tookMs);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.close();
  }
}

async function connected(cluster: Cluster, url: string): Promise<SocketClient> {
  const client = new SocketClient(url);
  closing.push(() => client.close());
  client.connect(await cluster.ticket('one'));
  await client.events.nextOf('connected');
  return client;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function failedOpen({ nodes }: Cluster): Promise<number> {
  let sum = 0;
  for (const { url } of nodes.values()) {
    const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
    sum += Number(/^fanfare_limits_failed_open_total\S* (\d+)/m.exec(await answer.text())?.[1]);
  }
  return sum;
}

async function passedWithin(flood: Flood, seconds: number): Promise<Counts & { readonly elapsedMs: number }> {
  const before = { ...flood.counts };
  flood.counts.slowestMs = 0;
  const startedAtMs = performance.now();
  await pause(1_000 * seconds);
  const { asked, passed, slowestMs } = flood.counts;
  const elapsedMs = performance.now() - startedAtMs;
  return { asked: asked - before.asked, passed: passed - before.passed, slowestMs, elapsedMs };
}

it('lets a hundred a second pass of a thousand', async () => {
  const cluster = await start({ publishes: HUNDRED });
  const flood = await Flood.begin(cluster, 1_000);
  const seconds: Counts[] = [];
  for (let n = 0; n < SECONDS; n++) seconds.push(await passedWithin(flood, 1));
  flood.stop();
  const sum = (of: (counts: Counts) => number) => seconds.reduce((total, counts) => total + of(counts), 0);
  const [asked, passed] = [sum((counts) => counts.asked), sum((counts) => counts.passed)];
  const each = seconds.map((counts) => counts.passed);
  console.log(
    JSON.stringify({ asked, passed, each, slowestMs: seconds.map(({ slowestMs }) => Math.round(slowestMs)) }),
  );
  expect(asked).toBeGreaterThan(700 * SECONDS);
  expect(passed).toBeGreaterThanOrEqual(90 * SECONDS);
  // Documented: too many by no more than all leases and what comes within a round trip, which a machine that stands still makes long;
  // at the least it is the one that each node was promised.
  const withinRoundTrips = sum(({ slowestMs }) => NODES + Math.min(1_000, slowestMs));
  expect(passed).toBeLessThanOrEqual(SECONDS >= 10 ? 110 * SECONDS : 100 * SECONDS + LEASES + withinRoundTrips);
});

it('lets everybody pass while Redis is away, says so, and holds the limit 2 s after its return', async () => {
  const redis: RedisServer = await startRedis();
  closing.push(() => redis.stop());
  const cluster = await start({ publishes: HUNDRED }, { FANFARE_REDIS_URL: redis.url });
  const flood = await Flood.begin(cluster, 400);
  await expect.poll(() => flood.counts.passed).toBeGreaterThan(100);
  await redis.kill();
  await expect.poll(() => failedOpen(cluster)).toBeGreaterThan(200);
  await redis.restart();
  for (const { url } of cluster.nodes.values())
    await expect.poll(async () => (await readinessOf(url)).status).toBe(200);
  await pause(2_000);
  const before = await failedOpen(cluster);
  const { passed, asked, elapsedMs, slowestMs } = await passedWithin(flood, 2);
  flood.stop();
  console.log(JSON.stringify({ asked, passed, failedOpen: before }));
  expect(asked).toBeGreaterThan(500);
  // And answers that had waited to be counted.
  expect(passed).toBeLessThanOrEqual(70 + (elapsedMs + slowestMs) / 10);
  expect(await failedOpen(cluster)).toBe(before);
});

it('costs no command any time where Redis takes 200 ms to answer', async () => {
  const redis = await startRedis();
  closing.push(() => redis.stop());
  const proxy = await startFaultProxy('127.0.0.1', redis);
  closing.push(() => proxy.close());
  const limits = { commands: { ...HUNDRED, rate: '100000/1s' } };
  const cluster = await start(limits, { FANFARE_REDIS_URL: `redis://${proxy.host}:${proxy.port}/0` });
  const [{ url = '' } = {}] = cluster.nodes.values();
  const client = await connected(cluster, url);
  const medianMs = async (): Promise<number> => {
    const took: number[] = [];
    for (let n = 0; n < 101; n++) {
      const sentMs = performance.now();
      // Nobody has subscribed: Redis has no part in the answer.
      client.command({ type: 'unsubscribe', channels: ['x'] });
      await client.events.nextOf('error');
      took.push(performance.now() - sentMs);
    }
    return took.sort((a, b) => a - b)[50] ?? Number.NaN;
  };
  const before = await medianMs();
  proxy.slow(100, Number.POSITIVE_INFINITY);
  // It is that slow.
  const askedMs = performance.now();
  await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${cluster.env.FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: 'news', data: 1 }),
  });
  expect(performance.now() - askedMs).toBeGreaterThan(180);
  const after = await medianMs();
  console.log(JSON.stringify({ medianMs: { before, after } }));
  expect(after).toBeLessThan(before + 100);
});
