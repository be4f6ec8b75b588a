// A rolling restart with other limits while backends publish: nobody is refused, and afterwards the new limits are in force.

import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { publishingClient } from '../support/load.js';
import { startFanfare } from '../support/process.js';
import { readinessOf } from '../support/readiness.js';
import { startRedis } from '../support/redis.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(env: Readonly<Record<string, string>>): Promise<Cluster> {
  const cluster = await startCluster({ engines: ['uws', 'ws'], env });
  closing.push(() => cluster.close());
  return cluster;
}

/** Publishes 500 times a second until it is told to end. */
class Backend {
  acknowledged = 0;
  readonly refused: string[] = [];
  readonly #client: Redis;
  readonly #timer: NodeJS.Timeout;

  constructor(client: Redis) {
    this.#client = client;
    this.#timer = setInterval(() => {
      for (let n = 0; n < 5; n++) void this.publish('room:rolled', String(this.acknowledged));
    }, 10);
  }

  async publish(channel: string, data: string): Promise<void> {
    try {
      await this.#client.call('FCALL', 'fanfare_publish', 1, channel, data);
      this.acknowledged++;
    } catch (error) {
      this.refused.push(String(error));
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

const limits = (historyTtl: string) => JSON.stringify({ default: { historySize: 50, historyTtl } });

it('none of 500 publishes a second fails, and the new history limits and message sizes are in force', async () => {
  const cluster = await started({ FANFARE_NAMESPACES: limits('10m'), FANFARE_MAX_MESSAGE_BYTES: '8kb' });
  const { redis } = cluster;
  const client = publishingClient(redis.host, redis.port);
  closing.push(() => client.disconnect());
  if (client.status !== 'ready') await once(client, 'ready');
  const inForce = async () => ((await redis.admin.call('FCALL', 'fanfare_version', 0)) as unknown[])[1];
  const large = () => redis.admin.call('FCALL', 'fanfare_publish', 1, 'room:large', JSON.stringify('x'.repeat(3_000)));
  expect(await inForce()).toBe('8192;default=50/600000');
  await large();

  const backend = new Backend(client);
  closing.push(() => backend.end());
  const passed = async (more: number) => {
    const wanted = backend.acknowledged + more;
    await expect.poll(() => backend.acknowledged + backend.refused.length).toBeGreaterThanOrEqual(wanted);
  };
  await passed(200);
  const next = { FANFARE_NAMESPACES: limits('2m'), FANFARE_MAX_MESSAGE_BYTES: '2kb' };
  await cluster.restartDiscovery(next);
  // Discovery decides nothing.
  expect(await inForce()).toBe('8192;default=50/600000');
  for (const [id, engine] of [['n1', 'uws'] as const, ['n2', 'ws'] as const]) {
    await cluster.nodes.get(id)?.stop();
    await cluster.startNode(id, engine, next);
    await passed(200);
    expect(await inForce()).toBe('2048;default=50/120000');
  }
  backend.end();
  expect(backend.refused).toEqual([]);
  expect(backend.acknowledged).toBeGreaterThan(600);
  // One that loses its connection has no say any more, and neither has one that began before.
  await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  for (const { url } of cluster.nodes.values())
    await expect.poll(async () => (await readinessOf(url)).status).toBe(200);
  expect(await inForce()).toBe('2048;default=50/120000');
  await expect(large()).rejects.toThrow(/^TOOLARGE/);
  // A minute more than its newest message may have.
  expect(await redis.admin.pttl('fanfare:{room:rolled}:log')).toBeLessThanOrEqual(180_000);
});

it('a discovery that comes first loads no library, and is ready as soon as a node is there', async () => {
  const redis = await startRedis();
  closing.push(() => redis.stop());
  const secret = 'a-secret-of-at-least-thirty-two-bytes';
  const env = {
    FANFARE_REDIS_URL: redis.url,
    FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: '0',
    FANFARE_AUTH_SECRET: secret,
    FANFARE_CLUSTER_SECRET: secret,
  };
  const discovery = await startFanfare(['discovery'], { env });
  closing.push(() => discovery.stop());
  expect(await redis.admin.call('FUNCTION', 'LIST')).toEqual([]);
  const { status, checks } = await readinessOf(discovery.url);
  expect([status, checks.find(({ name }) => name === 'registry')?.detail]).toEqual([
    503,
    'no node is known that can be used',
  ]);
  const node = await startFanfare(['node'], { env: { ...env, FANFARE_MAX_MESSAGE_BYTES: '4kb' } });
  closing.push(() => node.stop());
  await expect.poll(async () => (await readinessOf(discovery.url)).status).toBe(200);
  expect(((await redis.admin.call('FCALL', 'fanfare_version', 0)) as unknown[])[1]).toMatch(/^4096;/);
});
