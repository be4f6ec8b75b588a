// The Redis permissions that docs/OPERATIONS.md gives are enough: a server and a publisher run with nothing more.

import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { BareSocket, makeToken } from '../conformance/stranger-client.js';
import { type RunningServer, startServer } from '../conformance/stranger-server.js';
import { documentedUsers, makeDocumentedUsers } from '../support/documented-users.js';
import { encodeEnvelope } from '../support/envelope.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const operations = readFileSync(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8');

describe('the documented Redis permissions', () => {
  let redis: RedisServer;
  let server: RunningServer;
  let socket: BareSocket;

  beforeAll(async () => {
    redis = await startRedis();
    await makeDocumentedUsers(redis.admin);
    server = await startServer('start', {
      FANFARE_REDIS_URL: `redis://fanfare-node:secret@${redis.host}:${redis.port}`,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
    });
    const token = makeToken(SECRET, { sub: 'u1', fanfare: { subscribe: ['news'], publish: ['news'] } });
    ({ socket } = await BareSocket.connected(server.url, token));
    socket.command('subscribe', { channels: { news: '-1' } });
    await socket.nextOf('subscribed');
  });
  afterAll(async () => {
    await server?.stop();
    await redis?.stop();
  });

  it('are three users', () => {
    expect([...documentedUsers().keys()]).toEqual(['fanfare-node', 'publisher', 'live-publisher']);
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
      await client.call('FCALL', 'fanfare_publish_many', '2', 'news', 'news', '"several"', '"at once"');
      const full = ['2', 'fanfare:{news}:log', 'fanfare:{news}:tail', '1', '"full many"', '0', ''];
      await client.call('FCALL', 'fanfare_publish_many', ...full);
      await client.publish('fanfare:{news}', '"bare"');
      await client.publish('fanfare:{news}:live', '"live"');
      await client.multi().call('FCALL', 'fanfare_publish', '1', 'news', '"in a transaction"').exec();
      await client.xadd('fanfare:ingest', '*', 'channel', 'news', 'data', '"queued"');
      const data: unknown[] = [];
      while (data.length < 9) data.push((await socket.nextOf('message')).data);
      const several = ['several', 'at once', 'full many'];
      const all = ['short', 'full', ...several, 'bare', 'live', 'in a transaction', 'queued'];
      expect(data).toEqual(expect.arrayContaining(all));
      await expect(client.flushall()).rejects.toThrow(/NOPERM/);
      await expect(client.keys('*')).rejects.toThrow(/NOPERM/);
    } finally {
      client.disconnect();
    }
  });

  it('let a live-only publisher publish what is live-only, and forge nothing', async () => {
    const client = new Redis({ host: redis.host, port: redis.port, username: 'live-publisher', password: 'secret' });
    try {
      const offset = String(await redis.admin.call('FCALL', 'fanfare_publish', '1', 'news', '"before"'));
      expect(await socket.nextOf('message')).toMatchObject({ data: 'before', offset });
      const { ms, seq } = parseOffset(offset);
      const sender = Buffer.from('{"connection":"x","user":"admin"}');
      const forge = (next: string) => encodeEnvelope(next, offset, Buffer.from('"forged"'), sender);
      for (let n = 0; n < 50; n++) {
        const forged = forge(n % 2 === 0 ? formatOffset(9_999_999_999_999, 0) : formatOffset(ms, seq + 1 + n));
        await expect(client.publish('fanfare:{news}', forged)).rejects.toThrow(/NOPERM/);
        await client.publish('fanfare:{news}:live', forged);
      }
      await client.multi().publish('fanfare:{news}:live', '"live"').exec();
      const after = String(await redis.admin.call('FCALL', 'fanfare_publish', '1', 'news', '"after"'));
      const news = async () => {
        for (;;) {
          const event = await socket.next();
          if (event.type === 'message' || event.type === 'gap') return event;
        }
      };
      const events = [await news(), await news()];
      expect(events.map(({ data }) => data).sort()).toEqual(['after', 'live']);
      expect(events.find(({ data }) => data === 'after')).toMatchObject({ type: 'message', offset: after });
      for (const event of events) expect(event).not.toHaveProperty('from');
      expect(events.find(({ data }) => data === 'live')).not.toHaveProperty('offset');
    } finally {
      client.disconnect();
    }
  });

  it('let the user of nodes type what the page says of the queue', async () => {
    const commands = [...operations.matchAll(/`((?:X\w+(?: STREAM)?|GET|DEL|SET) fanfare:ingest[^`]*)`/g)];
    expect(commands.length).toBeGreaterThan(3);
    for (const [, command = ''] of commands)
      expect([command, await redis.admin.call('ACL', 'DRYRUN', 'fanfare-node', ...command.split(' '))]).toEqual([
        command,
        'OK',
      ]);
  });

  it('let all wait for replicas', async () => {
    for (const name of documentedUsers().keys()) {
      expect(await redis.admin.call('ACL', 'DRYRUN', name, 'WAIT', '1', '1000')).toBe('OK');
      expect(await redis.admin.call('ACL', 'DRYRUN', name, 'ASKING')).toBe('OK');
    }
    expect(await redis.admin.call('ACL', 'DRYRUN', 'fanfare-node', 'INFO', 'replication')).toBe('OK');
  });

  it('are of a server that has the metrics of the same page', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const documented = new Set(operations.match(/fanfare_(?!publish)[a-z_]+(?=`)/g));
    expect(documented.size).toBeGreaterThan(5);
    const isThere = (name: string) => new RegExp(`^${name}(_bucket)?\\{`, 'm').test(text);
    expect([...documented].filter((name) => !isThere(name))).toEqual([]);
  });

  it('refuse a node that has none, and the log says where to look', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'nobody', 'on', '>secret', '+@connection');
    const refused = startServer('start', {
      FANFARE_REDIS_URL: `redis://nobody:secret@${redis.host}:${redis.port}`,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
    });
    await expect(refused).rejects.toThrow(/ended with 78[\s\S]*OPERATIONS\.md/);
  });
});
