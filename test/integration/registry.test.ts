// The registry in a real Redis: the same suite as in memory, what others may write there, and a storm.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRegistry, type RedisRegistry } from '../../src/broker/redis/registry.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { registrySuite } from '../unit/cluster/registry-suite.js';
import { node } from '../unit/cluster/test-cluster.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const KEY = (name: string) => `fanfare:{!cluster}:${name}`;

/** Time cannot be moved in a real Redis, but every moment that the registry wrote there can. */
const BACKDATE = `
local ms = tonumber(ARGV[1])
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  local record = cjson.decode(redis.call('HGET', KEYS[1], id))
  record.at = record.at - ms
  record.since = record.since - ms
  redis.call('HSET', KEYS[1], id, cjson.encode(record))
end
for _, key in ipairs({ KEYS[2], KEYS[4] }) do
  for _, field in ipairs(redis.call('HKEYS', key)) do
    redis.call('HSET', key, field, string.format('%.3f', redis.call('HGET', key, field) - ms))
  end
end
for _, member in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do redis.call('ZINCRBY', KEYS[3], -ms, member) end
for _, id in ipairs(redis.call('HKEYS', KEYS[5])) do
  local total, strikes, rest, marks = string.match(redis.call('HGET', KEYS[5], id), '^(%d+) (%d+) (%d+)(.*)$')
  redis.call('HSET', KEYS[5], id, string.format('%d %d %.0f', total, strikes, math.max(0, rest - ms)) .. marks)
end
`;

async function openConnection(): Promise<RedisConnection> {
  const connection = new RedisConnection({
    url: redis.url,
    prefix: 'fanfare',
    namespaces: new Namespaces(),
    logger: silentLogger,
  });
  await connection.start();
  return connection;
}

async function open() {
  await redis.admin.flushall();
  const connection = await openConnection();
  return {
    connection,
    registry: createRedisRegistry({ connection, logger: silentLogger }),
    async advance(ms: number) {
      const keys = ['nodes', 'pace', 'reservations', 'state', 'lapses'].map(KEY);
      await redis.admin.eval(BACKDATE, 5, ...keys, ms);
    },
    async close() {
      connection.close();
    },
  };
}

registrySuite('the registry in Redis', open);

describe('in Redis', () => {
  async function withRegistry(run: (registry: RedisRegistry) => Promise<void>): Promise<void> {
    const harness = await open();
    try {
      await run(harness.registry);
    } finally {
      await harness.close();
    }
  }

  it.each([
    ['not JSON', 'x'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a later version', { v: 2 }],
    ['a port of 99999', { url: 'http://h:99999' }],
    ['a port of 0', { url: 'http://h:0' }],
    ['a script as its URL', { url: 'javascript:alert(1)' }],
    ['a user in its URL', { url: 'http://a@h' }],
    ['a URL with a query', { url: 'http://h/?a' }],
    ['no URL', { url: null }],
    ['a capacity of 0', { capacity: 0 }],
    ['a negative load', { connections: -5 }],
    ['a load that is text', { connections: '5' }],
    ['an unknown state', { state: 'superb' }],
    ['a pace of nothing', { rate: 0 }],
    ['1 MB', { past: 'x'.repeat(1_000_000) }],
    ['nesting without end', `${'['.repeat(2_000)}${']'.repeat(2_000)}`],
  ])('a forged record with %s is ignored and counted', async (_, forged) => {
    await withRegistry(async (registry) => {
      const at = Date.now();
      const good = {
        v: 1,
        url: 'http://h',
        incarnation: 'i',
        connections: 0,
        capacity: 9,
        rate: 9,
        state: 'ready',
        at,
        past: '',
        reached: true,
      };
      const text = typeof forged === 'string' ? forged : JSON.stringify({ ...good, ...forged });
      await registry.report(node('n1', { connections: 5_000 }));
      await redis.admin.hset(KEY('nodes'), 'forged', text);
      expect((await registry.assign([]))?.node.id).toBe('n1');
      expect((await registry.list()).map(({ id }) => id)).toEqual(['n1']);
      expect(registry.ignoredRecords).toBe(1);
      expect(await registry.requestDrain('forged')).toBe(false);
      await redis.admin.hset(KEY('nodes'), 'forged', JSON.stringify(good));
      expect((await registry.assign([]))?.node.id).toBe('forged');
    });
  });

  it.each([
    ['nodes', 'string'],
    ['held', 'list'],
    ['pace', 'zset'],
    ['reservations', 'hash'],
    ['state', 'string'],
    ['lapses', 'stream'],
  ])('a key of another type under the name of %s is named, taken away and written anew', async (name, type) => {
    const logger = new RecordingLogger();
    const { connection } = await open();
    const registry = createRedisRegistry({ connection, logger });
    try {
      await registry.report(node('n1'));
      await registry.assign([]);
      await redis.admin.del(KEY(name));
      if (type === 'string') await redis.admin.set(KEY(name), 'x');
      else if (type === 'list') await redis.admin.rpush(KEY(name), 'x');
      else if (type === 'zset') await redis.admin.zadd(KEY(name), 1, 'x');
      else if (type === 'hash') await redis.admin.hset(KEY(name), 'x', 'y');
      else await redis.admin.xadd(KEY(name), '*', 'x', 'y');
      expect((await registry.report(node('n1'))).verdict).toBe('accepted');
      expect(logger.lines.map(({ fields }) => fields)).toEqual([{ key: KEY(name) }]);
      expect((await registry.assign([]))?.node.id).toBe('n1');
      await registry.report(node('n1'));
      expect(logger.lines).toHaveLength(1);
    } finally {
      connection.close();
    }
  });

  it.each(['x', 'inf', '-inf', 'nan', '1e300', '0x10', ''])(
    'numbers that are %j are none, and keep no node from being assigned',
    async (value) => {
      await withRegistry(async (registry) => {
        await registry.report(node('n1'));
        for (const key of ['held', 'pace', 'lapses']) await redis.admin.hset(KEY(key), 'n1', value);
        for (const field of ['newest', 'before', 'resumed']) await redis.admin.hset(KEY('state'), field, value);
        await registry.report(node('n1'));
        expect((await registry.assign([]))?.node.id).toBe('n1');
        expect((await registry.list()).map(({ reservations }) => reservations)).toEqual([1]);
      });
    },
  );

  it('a report from the future counts for nobody', async () => {
    await withRegistry(async (registry) => {
      await registry.report(node('n1'));
      const record = JSON.parse((await redis.admin.hget(KEY('nodes'), 'n1')) ?? '');
      await redis.admin.hset(KEY('nodes'), 'n1', JSON.stringify({ ...record, at: record.at + 3_600_000 }));
      await redis.admin.hset(KEY('state'), 'newest', record.at + 3_600_000);
      await registry.report(node('n2'));
      expect((await registry.list()).map(({ id }) => id)).toEqual(['n2']);
      await registry.report(node('n1'));
      expect((await registry.list()).map(({ id }) => id).sort()).toEqual(['n1', 'n2']);
    });
  });

  it('a clock that goes back 45 s keeps no node from being assigned, and no place and no rest for that long', async () => {
    const { registry, advance, close } = await open();
    try {
      const reservations = async () => (await registry.list()).map(({ reservations, doubt }) => [reservations, doubt]);
      await registry.report(node('n1'));
      await registry.assign([]);
      await advance(-45_000);
      await registry.report(node('n1'));
      expect((await registry.assign([]))?.node.id).toBe('n1');
      expect(await reservations()).toEqual([[2, undefined]]);
      await advance(10_001);
      await registry.report(node('n1'));
      expect(await reservations()).toEqual([[0, undefined]]);

      await redis.admin.hset(KEY('lapses'), 'n1', `3 3 ${Date.now() + 9_000}`);
      expect(await reservations()).toEqual([[0, 'lapsed']]);
      await advance(-45_000);
      await registry.report(node('n1'));
      expect(await reservations()).toEqual([[0, undefined]]);
    } finally {
      await close();
    }
  });

  it('a Redis that has lost everything is filled again by the next reports', async () => {
    await withRegistry(async (registry) => {
      await registry.report(node('n1'));
      await redis.admin.flushall();
      await redis.admin.call('FUNCTION', 'FLUSH');
      expect(await registry.assign([])).toBeUndefined();
      await registry.report(node('n1'));
      expect((await registry.assign([]))?.node.id).toBe('n1');
    });
  });

  it('a Redis that is away is broker_unavailable', async () => {
    const own = await startRedis();
    const connection = new RedisConnection({
      url: own.url,
      prefix: 'fanfare',
      namespaces: new Namespaces(),
      logger: silentLogger,
    });
    try {
      await connection.start();
      const registry = createRedisRegistry({ connection, logger: silentLogger });
      await own.stop();
      await expect(registry.assign([])).rejects.toMatchObject({ code: 'broker_unavailable' });
      await expect(registry.report(node('n1'))).rejects.toMatchObject({ code: 'broker_unavailable' });
      await expect(registry.list()).rejects.toMatchObject({ code: 'broker_unavailable' });
    } finally {
      connection.close();
      await own.stop();
    }
  });

  it('3,000 assignments at once by two discoveries, while three nodes report, end within 1 % of each other', async () => {
    await withRegistry(async (one) => {
      const connection = await openConnection();
      const two = createRedisRegistry({ connection, logger: silentLogger });
      const counts = new Map<string, number>();
      const claims = new Map<string, string[]>();
      /** Clients that a node sees: those that have brought their reservation. */
      const arrived = new Map<string, number>();
      const reportAll = () =>
        Promise.all(
          ['n1', 'n2', 'n3'].map((id) => {
            const claimed = claims.get(id) ?? [];
            claims.set(id, []);
            return one.report(node(id, { connections: arrived.get(id) ?? 0, claimed }));
          }),
        );
      await reportAll();
      await Promise.all(
        Array.from({ length: 3_000 }, async (_, index) => {
          const assignment = await (index % 2 === 0 ? one : two).assign([]);
          const id = assignment?.node.id ?? 'nobody';
          counts.set(id, (counts.get(id) ?? 0) + 1);
          // Two thirds arrive at their node before its next report, the others later: their places stay reserved.
          if (index % 3 !== 0) {
            arrived.set(id, (arrived.get(id) ?? 0) + 1);
            claims.set(id, [...(claims.get(id) ?? []), assignment?.reservation ?? '']);
          }
          if (index % 300 === 0) await reportAll();
        }),
      );
      connection.close();
      for (const id of ['n1', 'n2', 'n3']) {
        expect(counts.get(id)).toBeGreaterThanOrEqual(990);
        expect(counts.get(id)).toBeLessThanOrEqual(1_010);
      }
    });
  });
});
