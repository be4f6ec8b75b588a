// The queue before a real cluster: filled while no node is up, then drained over the death and the drain of its holder.
// FANFARE_TEST_QUEUED sets how many messages wait.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { SocketClient } from '../support/feed.js';

const QUEUED = Number(process.env.FANFARE_TEST_QUEUED ?? 10_000);
const CHANNELS = 20;
const QUEUE = 'fanfare:ingest';
const LEASE = 'fanfare:ingest:lease';
const names = Array.from({ length: CHANNELS }, (_, index) => `room:${index}`);

let cluster: Cluster;

beforeAll(async () => {
  const env = {
    FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: 10_000 } }),
    FANFARE_MAX_BUFFERED_BYTES: '64mb',
  };
  cluster = await startCluster({ engines: [], env });
});
afterAll(() => cluster?.close());

/** Numbered from `first`, over the channels in turn. */
async function queue(count: number, first: number): Promise<void> {
  const pipeline = cluster.redis.admin.pipeline();
  for (let i = first; i < first + count; i++) {
    pipeline.xadd(QUEUE, '*', 'channel', names[i % CHANNELS] ?? '', 'data', String(i));
  }
  await pipeline.exec();
}

const queued = () => cluster.redis.admin.xlen(QUEUE);

/** Attached to every channel from its beginning. */
async function attach(node: string): Promise<SocketClient> {
  const client = new SocketClient(cluster.nodes.get(node)?.url ?? '');
  client.connect(await cluster.ticket('reader'));
  client.command({ type: 'subscribe', channels: Object.fromEntries(names.map((name) => [name, '-1'])) });
  return client;
}

/** The messages of each channel, as they came; anything that tells of a loss fails. */
async function collect(client: SocketClient, count: number): Promise<Map<string, number[]>> {
  const heard = new Map(names.map((name): [string, number[]] => [name, []]));
  for (const event of await client.events.take(count, 'message', 'gap', 'closed', 'error')) {
    expect(event).toMatchObject({ type: 'message' });
    heard.get(event.channel ?? '')?.push(Number(event.data));
  }
  return heard;
}

function expected(count: number): Map<string, number[]> {
  const all = Array.from({ length: count }, (_, index) => index);
  return new Map(names.map((name, index) => [name, all.filter((i) => i % CHANNELS === index)]));
}

async function metric(node: string, name: string): Promise<number> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const text = await (await fetch(`${cluster.nodes.get(node)?.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^fanfare_${name.includes('{') ? name : `${name}\\{.*\\}`} (.*)$`, 'm').exec(text)?.[1]);
}

/** The id of the node that drains. */
async function holder(): Promise<string> {
  const lease = String(await cluster.redis.admin.get(LEASE));
  for (const [id, { pid }] of cluster.nodes) if (lease.split(' ')[1] === String(pid)) return id;
  throw new Error(`nobody holds the lease: ${lease}`);
}

it('reaches attached clients once and in order per channel, though the node that drains is killed midway', async () => {
  await queue(QUEUED, 0);
  // Somebody else's, so that the nodes are up and the clients attached before the first message is published.
  await cluster.redis.admin.set(LEASE, 'the test');
  await cluster.redis.admin.pexpire(LEASE, 60_000);
  await Promise.all([cluster.startNode('n1', 'uws'), cluster.startNode('n2', 'ws')]);
  const clients = new Map([
    ['n1', await attach('n1')],
    ['n2', await attach('n2')],
  ]);
  for (const client of clients.values()) await client.events.take(CHANNELS, 'subscribed', 'error', 'closed');
  expect(await queued()).toBe(QUEUED);
  await cluster.redis.admin.del(LEASE);
  await expect.poll(queued, { interval: 1 }).toBeLessThan(QUEUED);
  const killed = await holder();
  cluster.nodes.get(killed)?.kill('SIGKILL');
  await cluster.nodes.get(killed)?.finished;
  expect(await queued()).toBeGreaterThan(0);
  // The other has to wait for it to lapse.
  expect(await holder()).toBe(killed);

  const survivor = killed === 'n1' ? 'n2' : 'n1';
  const client = clients.get(survivor) ?? (await attach(survivor));
  expect(await collect(client, QUEUED)).toEqual(expected(QUEUED));
  await expect.poll(queued).toBe(0);
  expect(await metric(survivor, 'ingest_holder')).toBe(1);
  expect(await metric(survivor, 'publishes_total\\{path="queue",.*\\}')).toBeGreaterThan(0);
  expect(await metric(survivor, 'ingest_dead_total')).toBe(0);
  for (const one of clients.values()) one.close();
  // A late joiner hears the same: nothing stands twice in the log.
  const late = await attach(survivor);
  expect(await collect(late, QUEUED)).toEqual(expected(QUEUED));
  late.close();
  await cluster.startNode(killed, 'uws');
});

it('goes on at once at another node when the one that drains is drained itself', async () => {
  const first = await holder();
  const second = first === 'n1' ? 'n2' : 'n1';
  const client = await attach(second);
  await collect(client, QUEUED);
  expect(await metric(second, 'ingest_holder')).toBe(0);
  const before = String(await cluster.redis.admin.get(LEASE));
  const stopped = cluster.nodes.get(first)?.stop();
  await queue(1_000, QUEUED);
  expect((await stopped)?.code).toBe(0);
  // Given up, not left to lapse.
  expect(await cluster.redis.admin.get(LEASE)).not.toBe(before);
  const heard = await collect(client, 1_000);
  expect([...heard.values()].flat()).toHaveLength(1_000);
  for (const [name, data] of heard) {
    expect(data, name).toEqual(
      expected(QUEUED + 1_000)
        .get(name)
        ?.filter((i) => i >= QUEUED),
    );
  }
  expect(await metric(second, 'ingest_holder')).toBe(1);
  client.close();
});
