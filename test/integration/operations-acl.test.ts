// The Redis permissions that docs/OPERATIONS.md gives are enough: a server and a publisher run with nothing more.

import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BareSocket, makeToken } from '../conformance/stranger-client.js';
import { type RunningServer, startServer } from '../conformance/stranger-server.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const operations = readFileSync(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8');

/** The documented `ACL SETUSER` commands, with a password put in. */
function documentedUsers(): readonly (readonly string[])[] {
  const lines = operations.match(/^ACL SETUSER .*$/gm) ?? [];
  return lines.map((line) => line.replace('PASSWORD', 'secret').split(' ').slice(2));
}

describe('the documented Redis permissions', () => {
  let redis: RedisServer;
  let server: RunningServer;
  let socket: BareSocket;

  beforeAll(async () => {
    redis = await startRedis();
    for (const user of documentedUsers()) await redis.admin.call('ACL', 'SETUSER', ...user);
    server = await startServer('start', {
      FANFARE_REDIS_URL: `redis://fanfare-node:secret@${redis.host}:${redis.port}`,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
    });
    const token = makeToken(SECRET, { sub: 'u1', fanfare: { subscribe: ['news'], publish: ['news'] } });
    ({ socket } = await BareSocket.connected(server.url, token));
    socket.command('subscribe', { channels: { news: '-1' } });
    await socket.nextOf('subscribed');
  }, 30_000);
  afterAll(async () => {
    await server?.stop();
    await redis?.stop();
  });

  it('are two users', () => {
    expect(documentedUsers().map(([name]) => name)).toEqual(['fanfare-node', 'publisher']);
  });

  it('let a node publish, deduplicate, replay and deliver', async () => {
    for (const key of ['k', 'k']) socket.command('publish', { channel: 'news', data: 1, key });
    await socket.nextOf('message');
    const { socket: second } = await BareSocket.connected(
      server.url,
      makeToken(SECRET, { sub: 'u2', fanfare: { subscribe: ['news'] } }),
    );
    second.command('subscribe', { channels: { news: '-1' } });
    expect(await second.nextOf('message')).toMatchObject({ data: 1 });
    await second.close();
  });

  it('let a publisher publish in every documented form, and nothing else', async () => {
    const client = new Redis({ host: redis.host, port: redis.port, username: 'publisher', password: 'secret' });
    try {
      await client.call('FCALL', 'fanfare_publish', '1', 'news', '"short"', 'order-17');
      await client.call('FCALL', 'fanfare_publish', '2', 'fanfare:{news}:log', 'fanfare:{news}:tail', '"full"');
      await client.publish('fanfare:{news}', '"live"');
      await client.xadd('fanfare:ingest', '*', 'channel', 'news', 'data', '"queued"');
      const data: unknown[] = [];
      while (data.length < 4) data.push((await socket.nextOf('message')).data);
      expect(data).toEqual(expect.arrayContaining(['short', 'full', 'live', 'queued']));
      await expect(client.flushall()).rejects.toThrow(/NOPERM/);
      await expect(client.keys('*')).rejects.toThrow(/NOPERM/);
    } finally {
      client.disconnect();
    }
  });

  it('let both wait for replicas', async () => {
    for (const [name] of documentedUsers()) {
      expect(await redis.admin.call('ACL', 'DRYRUN', name ?? '', 'WAIT', '1', '1000')).toBe('OK');
      expect(await redis.admin.call('ACL', 'DRYRUN', name ?? '', 'ASKING')).toBe('OK');
    }
    expect(await redis.admin.call('ACL', 'DRYRUN', 'fanfare-node', 'INFO', 'replication')).toBe('OK');
  });

  it('are of a server that has the metrics of the same page', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const documented = new Set(operations.match(/fanfare_(?!publish)[a-z_]+(?=`)/g));
    expect(documented.size).toBeGreaterThan(5);
    expect([...documented].filter((name) => !text.includes(`\n${name}{`))).toEqual([]);
  });

  it('refuse a node that has none, and the log says where to look', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'nobody', 'on', '>secret', '+@connection');
    const refused = startServer('start', {
      FANFARE_REDIS_URL: `redis://nobody:secret@${redis.host}:${redis.port}`,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
    });
    await expect(refused).rejects.toThrow(/ended with 78[\s\S]*OPERATIONS\.md/);
  }, 30_000);
});
