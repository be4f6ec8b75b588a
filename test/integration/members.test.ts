// Two nodes, one of them wrong: nobody is lost, nobody waits, and it is said everywhere which one it is.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client } from '../../client-sdk/types.js';
import { ADMIN_KEY, CLUSTER_SECRET, type Cluster, startCluster } from '../support/cluster.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { readinessOf } from '../support/readiness.js';
import { freePort } from '../support/redis.js';

const NEWCOMERS = 40;
/** A little less than one who waits for a connection that is swallowed. */
const WITHIN_MS = 3_900;
const OTHER_SECRET = 'another-secret-of-the-tests-0123456789abcdef';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(setup: Parameters<typeof startCluster>[0]): Promise<Cluster> {
  const cluster = await startCluster({ ...setup, env: { FANFARE_CONNECTS_PER_USER: '1000', ...setup.env } });
  closing.push(() => cluster.close());
  return cluster;
}

async function nodeOf(cluster: Cluster, env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const node = await startFanfare(['node'], { env: { ...cluster.env, ...env } });
  closing.push(() => node.stop());
  return node;
}

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly problem?: string;
  readonly connections: number;
  readonly secrets?: readonly string[];
}

async function listed(discovery: ServerProcess): Promise<Readonly<Record<string, Listed>>> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const { nodes } = (await (await fetch(`${discovery.url}/v1/nodes`, { headers })).json()) as { nodes: Listed[] };
  return Object.fromEntries(nodes.map((node) => [node.id, node]));
}

/** Opens clients all at once; answers how long each took to be connected, and which have closed for good. */
async function newcomers(cluster: Cluster, count = NEWCOMERS) {
  const tokens = await Promise.all(Array.from({ length: count }, (_, index) => cluster.token(`u${index}`)));
  const closed: Client[] = [];
  const beganMs = performance.now();
  const clients = tokens.map((token) => createClient({ url: cluster.discovery.url, token }));
  closing.push(() => {
    for (const client of clients) client.close();
  });
  const took = await Promise.all(
    clients.map((client) => {
      client.on('state', ({ type }) => type === 'closed' && closed.push(client));
      return new Promise<number>((resolve) => {
        client.on('state', ({ type }) => type === 'connected' && resolve(performance.now() - beganMs));
        client.subscribe('news');
      });
    }),
  );
  return { clients, took, closed };
}

describe('of two nodes one with another cluster secret', () => {
  it('costs none of 40 newcomers anything, and is named in the log, by /readyz and by /v1/nodes', async () => {
    const cluster = await started({ engines: ['uws'] });
    const bad = await nodeOf(cluster, { FANFARE_NODE_ID: 'bad', FANFARE_CLUSTER_SECRET: OTHER_SECRET });
    await expect.poll(async () => (await listed(cluster.discovery)).bad?.problem).toBe('foreign_secret');
    const { took, closed } = await newcomers(cluster);
    expect([took.filter((ms) => ms <= WITHIN_MS).length, closed]).toEqual([NEWCOMERS, []]);

    await expect.poll(async () => (await listed(cluster.discovery)).bad?.state).toBe('foreign');
    const { status, checks } = await readinessOf(bad.url);
    expect([status, checks.find(({ name }) => name === 'node')?.detail]).toEqual([
      503,
      expect.stringContaining('foreign_secret'),
    ]);
    const discovery = async () => {
      const { status, checks } = await readinessOf(cluster.discovery.url);
      return [status, checks[0]?.detail];
    };
    await expect.poll(discovery).toEqual([200, 'foreign_secret: bad of 2']);
    for (const one of [bad, cluster.discovery]) expect(one.log().match(/foreign_secret/g)).toHaveLength(1);
  });

  it('and two of three: still nobody is closed', async () => {
    const cluster = await started({ engines: ['ws'] });
    for (const id of ['bad1', 'bad2']) {
      await nodeOf(cluster, { FANFARE_NODE_ID: id, FANFARE_CLUSTER_SECRET: OTHER_SECRET });
    }
    const { took, closed } = await newcomers(cluster);
    expect([took.filter((ms) => ms <= WITHIN_MS).length, closed]).toEqual([NEWCOMERS, []]);
  });
});

describe('of two discoveries one with another cluster secret', () => {
  it('is not ready, gives nobody a node, and leaves the nodes ready', async () => {
    const cluster = await started({ engines: ['uws'] });
    const env = { ...cluster.env, FANFARE_CLUSTER_SECRET: OTHER_SECRET };
    const strange = await startFanfare(['discovery'], { env });
    closing.push(() => strange.stop());
    const { status, checks } = await readinessOf(strange.url);
    expect([status, checks[0]?.detail]).toEqual([503, expect.stringContaining('foreign_secret: n1 of 1')]);
    const headers = { Authorization: `Bearer ${await cluster.token('u1')}` };
    expect((await fetch(`${strange.url}/v1/connect`, { method: 'POST', headers })).status).toBe(503);
    // It has told the registry which secret it signs with by now.
    const { url } = cluster.nodes.get('n1') ?? { url: '' };
    expect((await readinessOf(url)).status).toBe(200);
    expect((await newcomers(cluster, 5)).closed).toEqual([]);
  });
});

describe('of two nodes one whose URL', () => {
  async function swallowing(): Promise<string> {
    const sockets: Socket[] = [];
    const server: Server = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([
    ['swallows connections', swallowing, 'in time'],
    ['leads nowhere', async () => 'http://127.0.0.1:1', 'ECONNREFUSED'],
  ])(
    '%s costs none of 40 newcomers anything, and is named in the log, by /readyz and by /v1/nodes',
    async (_, at, found) => {
      const cluster = await started({ engines: ['uws'] });
      const port = await freePort('127.0.0.1');
      const own = { FANFARE_NODE_ID: 'bad', FANFARE_NODE_URL: await at(), FANFARE_PORT: String(port) };
      const bad = await nodeOf(cluster, own);
      const { took, closed } = await newcomers(cluster);
      expect([took.filter((ms) => ms <= WITHIN_MS).length, closed]).toEqual([NEWCOMERS, []]);
      expect((await listed(cluster.discovery)).bad).toMatchObject({
        state: 'ready',
        problem: 'unreached',
        connections: 0,
      });
      await bad.logged("the node's URL does not lead to it");
      const told = async () => {
        const { checks } = await readinessOf(`http://127.0.0.1:${port}`);
        return checks.find(({ name }) => name === 'url')?.detail;
      };
      await expect.poll(told).toContain(found);
    },
  );
});

describe('a rolling rotation of the secret', () => {
  it('loses nobody and no message: first all learn the new one, then all sign with it', async () => {
    const next = OTHER_SECRET;
    const cluster = await started({ engines: ['uws', 'ws'] });
    const { clients, closed } = await newcomers(cluster, 10);
    const received = new Map<Client, number[]>(clients.map((client) => [client, []]));
    for (const client of clients) {
      client.subscribe('room:rotated', { after: '-1' }, ({ data }) => void received.get(client)?.push(Number(data)));
    }
    let sent = 0;
    const publish = () => cluster.redis.admin.call('FCALL', 'fanfare_publish', 1, 'room:rotated', String(++sent));
    const steady = setInterval(() => void publish(), 20);
    closing.push(() => clearInterval(steady));
    /** Each process after the other is replaced by one with these secrets. */
    const roll = async (secrets: string) => {
      for (const [id, engine] of [['n1', 'uws'] as const, ['n2', 'ws'] as const]) {
        await cluster.nodes.get(id)?.stop();
        await cluster.startNode(id, engine, { FANFARE_CLUSTER_SECRET: secrets });
      }
      await cluster.restartDiscovery({ FANFARE_CLUSTER_SECRET: secrets });
      expect((await newcomers(cluster, 5)).took.filter((ms) => ms <= WITHIN_MS)).toHaveLength(5);
    };
    await roll(`${CLUSTER_SECRET},${next}`);
    await roll(`${next},${CLUSTER_SECRET}`);
    const secrets = Object.values(await listed(cluster.discovery)).map((node) => node.secrets?.length);
    expect(secrets).toEqual([2, 2]);
    clearInterval(steady);
    await expect.poll(() => clients.map((client) => received.get(client)?.at(-1))).toEqual(clients.map(() => sent));
    const all = Array.from({ length: sent }, (_, index) => index + 1);
    for (const client of clients) expect(received.get(client)).toEqual(all);
    expect(closed).toEqual([]);
  });
});
