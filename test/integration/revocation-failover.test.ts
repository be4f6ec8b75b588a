// A user with a hundred links logs out while a node is killed and started anew and Redis fails over: what is answered holds, for ever.

import { afterEach, expect, it } from 'vitest';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { FEEDS, type Feed } from '../support/feed.js';
import { startRedis } from '../support/redis.js';
import { startSentinel } from '../support/redis-sentinel.js';

const LINKS = 100;
const OTHERS = 200;
const TRANSPORTS = Object.keys(FEEDS);
/** Of bystanders: a poll may meet a node without Redis, and is told to come again. */
const STEADY = ['websocket', 'sse'];
/** How long nobody is let in again, while the node is new and the list is written back. */
const WATCHED_MS = 3_000;
const KILLED = 'n2';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Link {
  readonly node: string;
  readonly transport: string;
  readonly feed: Feed;
}

async function open(cluster: Cluster, count: number, transports: readonly string[], userOf: (n: number) => string) {
  const nodes = [...cluster.nodes];
  const openOne = async (n: number): Promise<Link> => {
    const [node, { url }] = nodes[Math.floor(n / transports.length) % nodes.length] as (typeof nodes)[number];
    const transport = transports[n % transports.length] ?? '';
    const feed = FEEDS[transport]?.({ url, ticket: await cluster.ticket(userOf(n)) }, { news: 'now' });
    if (feed === undefined) throw new Error(`no transport ${transport}`);
    closing.push(() => feed.close());
    expect((await feed.events.nextOf('subscribed', 'refused', 'error', 'closed')).type).toBe('subscribed');
    return { node, transport, feed };
  };
  const links: Link[] = [];
  for (let n = 0; n < count; n += 20) {
    const some = Array.from({ length: Math.min(20, count - n) }, (_, m) => openOne(n + m));
    links.push(...(await Promise.all(some)));
  }
  return links;
}

async function startWorld() {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  closing.push(() => master.stop());
  const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] });
  closing.push(() => replica.stop());
  const isUp = () => replica.admin.info('replication');
  await expect.poll(isUp).toContain('master_link_status:up');
  const sentinel = await startSentinel(master);
  closing.push(() => sentinel.stop());
  const cluster = await startCluster({
    engines: ['uws', 'ws', 'uws', 'ws'],
    env: { FANFARE_REDIS_URL: sentinel.url, FANFARE_LINKS_PER_USER: '0', FANFARE_CONNECTS_PER_USER: '10000' },
  });
  closing.push(() => cluster.close());
  return { cluster, master, replica };
}

/** Asks until somebody has stored it. */
async function revoke({ discovery }: Cluster, body: object): Promise<{ status: number; pending: readonly string[] }> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}`, 'Content-Type': 'application/json' };
  for (let tries = 0; tries < 150; tries++) {
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${discovery.url}/v1/revocations`, init);
    const { pending = [] } = (await answer.json()) as { pending?: readonly string[] };
    if (answer.status < 300) return { status: answer.status, pending };
    expect(answer.status).toBe(503);
    await pause(200);
  }
  throw new Error('nobody could store a revocation');
}

async function publish({ nodes, env }: Cluster, data: string): Promise<void> {
  const headers = { Authorization: `Bearer ${env.FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ channel: 'news', data, key: data });
  const once = async () =>
    (await fetch(`${nodes.get('n1')?.url}/v1/publish`, { method: 'POST', headers, body })).status;
  await expect.poll(once, { interval: 200 }).toBe(200);
}

async function pollStatus(url: string, ticket: string): Promise<number> {
  const headers = { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ channels: { news: '-1' }, waitMs: 0 });
  return (await fetch(`${url}/v1/poll`, { method: 'POST', headers, body })).status;
}

/** A node may find no Redis to start with: then it is started again, as whoever looks after it would do. */
async function startAgain(cluster: Cluster, id: string, engine: 'uws' | 'ws'): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await cluster.startNode(id, engine);
      return;
    } catch (error) {
      if (tries >= 20) throw error;
    }
  }
}

it('is told the truth, ends every link, lets no earlier token in again, and disturbs nobody else', async () => {
  const { cluster, master, replica } = await startWorld();
  const others = await open(cluster, OTHERS, STEADY, (n) => `other-${n % 20}`);
  const own = await open(cluster, LINKS, TRANSPORTS, () => 'leaver');
  const [ticket, token] = await Promise.all([cluster.ticket('leaver'), cluster.token('leaver')]);
  const madeIn = Math.floor(Date.now() / 1_000);
  await expect.poll(() => Math.floor(Date.now() / 1_000)).toBeGreaterThan(madeIn);

  const killed = cluster.nodes.get(KILLED);
  master.pause();
  killed?.kill('SIGKILL');
  const again = startAgain(cluster, KILLED, 'ws');
  const { status, pending } = await revoke(cluster, { sub: 'leaver' });
  console.log(JSON.stringify({ status, pending }));
  /** Whether it was said that this one may not have heard of it; where nobody is named, nobody could be asked. */
  const isOpen = (node: string) => status === 202 && (pending.length === 0 || pending.includes(node));
  // Whoever is not named has ended them: what comes later reaches none of these.
  await publish(cluster, 'after');
  for (const { node, transport, feed } of own) {
    if (!STEADY.includes(transport)) continue;
    const events = isOpen(node) ? ['closed', 'close'] : ['closed', 'close', 'message'];
    const end = await feed.events.nextOf(...events);
    if (node !== KILLED) expect(end, `${transport} at ${node}`).toMatchObject({ code: 4503 });
    else expect(end.type).not.toBe('message');
  }
  await again;
  expect(await replica.admin.info('replication')).toContain('role:master');
  const untilMs = performance.now() + WATCHED_MS;
  let asked = 0;
  while (performance.now() < untilMs) {
    for (const [id, { url }] of cluster.nodes) expect([id, await pollStatus(url, ticket)]).toEqual([id, 401]);
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`${cluster.discovery.url}/v1/connect`, { method: 'POST', headers });
    expect([answer.status, await answer.json()]).toEqual([401, expect.objectContaining({ code: 'revoked' })]);
    asked++;
  }
  expect(asked).toBeGreaterThan(3);
  for (const { node, transport, feed } of others) {
    if (node === KILLED) continue;
    const next = await feed.events.nextOf('closed', 'close', 'message');
    expect(next, `${transport} at ${node}`).toMatchObject({ type: 'message', data: 'after' });
  }
  // Who logs in now gets in, at every node.
  const fresh = await open(cluster, 8, STEADY, () => 'leaver');
  await publish(cluster, 'welcome');
  for (const { feed } of fresh)
    expect(await feed.events.nextOf('closed', 'message')).toMatchObject({ data: 'welcome' });
});
