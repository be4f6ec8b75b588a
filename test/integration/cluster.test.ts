// A real cluster: one discovery, three nodes, one Redis. FANFARE_TEST_CLIENTS sets how many clients storm it.

import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client, Transport } from '../../client-sdk/types.js';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { FEEDS, type Feed } from '../support/feed.js';

const CLIENTS = Number(process.env.FANFARE_TEST_CLIENTS ?? 300);
const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
const run = promisify(execFile);

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    engines: ['uws', 'ws', 'uws'],
    // Who is on the way to another node for some seconds is to find all of them.
    env: { FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: 2_000 } }) },
  });
});
afterAll(() => cluster?.close());

async function redisCli(...args: string[]): Promise<string> {
  const { stdout } = await run('redis-cli', ['-h', cluster.redis.host, '-p', String(cluster.redis.port), ...args]);
  return stdout.trim();
}

interface Assigned {
  readonly node: { readonly id: string; readonly url: string };
  readonly ticket: string;
}

async function assign(user: string): Promise<Assigned> {
  const response = await fetch(`${cluster.discovery.url}/v1/connect`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await cluster.token(user)}` },
  });
  const answer = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer as Assigned;
}

describe('discovery before three nodes', () => {
  it('spreads clients that come all at once evenly, within 1 %, and one FCALL reaches them all', async () => {
    const perNode = new Map<string, number>();
    const kinds = ['websocket', 'sse', 'long-poll'] as const;
    const crowd = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, index) => {
        const { node, ticket } = await assign(`storm-${index}`);
        perNode.set(node.id, (perNode.get(node.id) ?? 0) + 1);
        const open = FEEDS[kinds[index % kinds.length] ?? 'websocket'];
        const feed = open?.({ url: node.url, ticket }, { 'room:storm': 'now' });
        await feed?.events.nextOf('subscribed');
        return feed;
      }),
    );
    const third = CLIENTS / 3;
    expect([...perNode.keys()].sort()).toEqual(['n1', 'n2', 'n3']);
    for (const count of perNode.values()) expect(Math.abs(count - third)).toBeLessThanOrEqual(Math.max(1, third / 100));
    const offset = await redisCli('FCALL', 'fanfare_publish', '1', 'room:storm', '"all"');
    const messages = await Promise.all(crowd.map((feed) => feed?.events.nextOf('message')));
    expect(messages.filter((message) => message?.offset === offset)).toHaveLength(CLIENTS);
    for (const feed of crowd) feed?.close();
  });

  it('lists its nodes for whoever has the admin key', async () => {
    const response = await fetch(`${cluster.discovery.url}/v1/nodes`, {
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    });
    expect(response.status).toBe(200);
    expect(JSON.stringify(await response.json())).toContain('"n2"');
  });
});

describe('publishing with redis-cli', () => {
  const feeds: Feed[] = [];
  afterAll(() => {
    for (const feed of feeds) feed.close();
  });

  /** A subscriber on each transport at each node. */
  async function everywhere(channel: string, transports: readonly string[]): Promise<Feed[]> {
    const opened: Feed[] = [];
    for (const [id, node] of cluster.nodes) {
      for (const transport of transports) {
        const { ticket } = await assign(`${transport}-${id}`);
        const feed = FEEDS[transport]?.({ url: node.url, ticket }, { [channel]: 'now' });
        if (feed !== undefined) opened.push(feed);
      }
    }
    feeds.push(...opened);
    await Promise.all(opened.map((feed) => feed.events.nextOf('subscribed')));
    return opened;
  }

  it('reaches every client on every transport of every node with FCALL', async () => {
    const opened = await everywhere('room:fcall', ['websocket', 'sse', 'long-poll', 'short-poll']);
    const offset = await redisCli('FCALL', 'fanfare_publish', '1', 'room:fcall', '{"hello":"world"}');
    const messages = await Promise.all(opened.map((feed) => feed.events.nextOf('message')));
    expect(messages).toHaveLength(12);
    for (const message of messages) expect(message).toMatchObject({ offset, data: { hello: 'world' } });
  });

  it('reaches every open WebSocket, stream and waiting poll with PUBLISH', async () => {
    const opened = await everywhere('room:live', ['websocket', 'sse', 'long-poll']);
    let received = 0;
    const all = Promise.all(
      opened.map(async (feed) => {
        expect((await feed.events.nextOf('message')).data).toBe('now');
        received++;
      }),
    );
    // A poll is reached only while it waits: repeat until each has been.
    while (received < opened.length) await redisCli('PUBLISH', 'fanfare:{room:live}', '"now"');
    await all;
  });

  it('stores a message once per key', async () => {
    const first = await redisCli('FCALL', 'fanfare_publish', '1', 'room:keys', '1', 'order-17');
    expect(await redisCli('FCALL', 'fanfare_publish', '1', 'room:keys', '1', 'order-17')).toBe(first);
    expect(first).toMatch(/^\d{13}-\d{16}$/);
  });
});

describe('kill -9 of a node', () => {
  const clients: Client[] = [];
  afterAll(() => {
    for (const client of clients) client.close();
  });

  it('loses, repeats and reorders nothing for any of its clients, on any transport', async () => {
    const channel = 'room:killed';
    const received = new Map<Client, string[]>();
    const nodesOf = new Map<Client, Set<string>>();
    const join = async (transport: Transport, n: number) => {
      const token = await cluster.token(`${transport}-${n}`);
      const client = createClient({ url: cluster.discovery.url, token, transports: [transport], pollIntervalMs: 100 });
      clients.push(client);
      const offsets: string[] = [];
      const seen = new Set<string>();
      received.set(client, offsets);
      nodesOf.set(client, seen);
      client.on('state', (state) => state.type === 'connected' && seen.add(state.node));
      client.subscribe(channel, { after: '-1' }, (message) => offsets.push(message.offset ?? 'live'));
      await expect.poll(() => seen.size > 0).toBe(true);
      return seen.has('n1');
    };
    // Each transport has clients at the node that is to die.
    for (const transport of TRANSPORTS) {
      let there = 0;
      for (let n = 0; n < 4 || there === 0; n++) if (await join(transport, n)) there++;
    }
    const published: string[] = [];
    const publish = async () => {
      published.push(await redisCli('FCALL', 'fanfare_publish', '1', channel, String(published.length)));
    };
    await publish();
    await expect.poll(() => [...received.values()].every((offsets) => offsets.length >= 1)).toBe(true);

    const victims = clients.filter((client) => nodesOf.get(client)?.has('n1'));
    expect(new Set(victims.map((client) => transportOf(client)))).toEqual(new Set(TRANSPORTS));
    const publisher = paced(100, 400, publish);
    await expect.poll(() => published.length > 100).toBe(true);
    cluster.nodes.get('n1')?.kill('SIGKILL');
    await publisher;

    const fewest = () => Math.min(...[...received.values()].map((offsets) => offsets.length));
    await expect.poll(fewest).toBeGreaterThanOrEqual(published.length);
    for (const offsets of received.values()) expect(offsets).toEqual(published);
    for (const client of victims) {
      expect(client.state).toMatchObject({ type: 'connected' });
      expect([...(nodesOf.get(client) ?? [])].some((id) => id !== 'n1')).toBe(true);
    }
  });
});

function transportOf(client: Client): string {
  return client.state.type === 'connected' ? client.state.transport : client.state.type;
}

/** Calls `step` about `perSecond` times a second, `count` times in all, one after the other. */
async function paced(perSecond: number, count: number, step: () => Promise<void>): Promise<void> {
  const beginMs = performance.now();
  for (let n = 0; n < count; n++) {
    const waitMs = beginMs + (n * 1000) / perSecond - performance.now();
    if (waitMs > 0) await pause(waitMs);
    await step();
  }
}
