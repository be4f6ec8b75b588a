// Revocations in a real Redis: the same suite as in memory, a master that comes back empty, and what others wrote there.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRevocations } from '../../src/broker/redis/revocations.js';
import { LOG_BEGIN } from '../../src/cluster/revocation-log.js';
import { Revocations } from '../../src/cluster/revocations.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { logout, revocationLogSuite } from '../unit/cluster/revocation-log-suite.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const KEY = (name: string) => `fanfare:{!cluster}:${name}`;

/** Time cannot be moved in a real Redis, but every moment that the log wrote there can. */
const BACKDATE = `
local ms = tonumber(ARGV[1])
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  local entry = cjson.decode(redis.call('HGET', KEYS[1], id))
  entry.at, entry['until'] = entry.at - ms, entry['until'] - ms
  redis.call('HSET', KEYS[1], id, cjson.encode(entry))
  redis.call('ZINCRBY', KEYS[2], -ms, id)
end
for _, member in ipairs(redis.call('HKEYS', KEYS[3])) do
  local epoch, seen, at = string.match(redis.call('HGET', KEYS[3], member), '^(%S*) (%d+) (%d+)$')
  redis.call('HSET', KEYS[3], member, epoch .. ' ' .. seen .. ' ' .. string.format('%.0f', at - ms))
end
for _, field in ipairs({ 'read', 'before', 'resumed' }) do
  local at = redis.call('HGET', KEYS[4], field)
  if at then redis.call('HSET', KEYS[4], field, string.format('%.0f', at - ms)) end
end
`;

async function openConnection(): Promise<RedisConnection> {
  const namespaces = new Namespaces();
  const connection = new RedisConnection({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await connection.start();
  return connection;
}

async function open() {
  await redis.admin.flushall();
  const connection = await openConnection();
  return {
    log: createRedisRevocations(connection),
    async advance(ms: number) {
      const keys = ['revocations', 'revoked-until', 'revoked-seen', 'revoked-state'].map(KEY);
      await redis.admin.eval(BACKDATE, keys.length, ...keys, ms);
    },
    close: () => connection.close(),
  };
}

revocationLogSuite('the log of revocations in Redis', open);

describe('in Redis', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  async function openLog() {
    const harness = await open();
    opened.push(harness);
    return harness.log;
  }

  async function member(name: string): Promise<Revocations> {
    const connection = await openConnection();
    const log = createRedisRevocations(connection);
    const made = new Revocations({ log, member: name, falsePositives: 0.001, logger: silentLogger });
    opened.push({ close: () => made.close().finally(() => connection.close()) });
    await made.start();
    return made;
  }

  const holder = (user: string, issuedAtMs = 1_000) => ({ user, tokenId: undefined, issuedAtMs });
  const isRevoked = async (one: Revocations, user: string) => {
    try {
      await one.check(holder(user));
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'revoked' });
      return true;
    }
  };

  it('what a master lost that comes back empty is written back, with what was withdrawn, and goes to whoever missed it', async () => {
    const log = await openLog();
    const first = await member('n1');
    await log.add(logout('u1'));
    const withdrawn = await log.add(logout('u2'));
    await first.readNow();
    await log.withdraw(withdrawn.revocation.id);
    await first.readNow();
    const { position } = await log.read(LOG_BEGIN, 10);
    await redis.restart();
    await expect
      .poll(
        () =>
          log.read(position, 10).then(
            ({ count }) => count,
            () => -1,
          ),
        { timeout: 10_000 },
      )
      .toBe(2);
    const page = await log.read(position, 10);
    expect(page.position.epoch).not.toBe(position.epoch);
    expect(page.entries.map(({ name, withdrawnAtMs }) => [name, withdrawnAtMs > 0])).toEqual([
      ['u1', false],
      ['u2', true],
    ]);
    const second = await member('n2');
    for (const one of [first, second])
      expect([await isRevoked(one, 'u1'), await isRevoked(one, 'u2')]).toEqual([true, false]);
  });

  it('keys that hold something else are taken away, and what is recent is written back', async () => {
    const log = await openLog();
    const one = await member('n1');
    await log.add(logout('u1'));
    await one.readNow();
    for (const name of [
      'revocations',
      'revoked-order',
      'revoked-until',
      'revoked-names',
      'revoked-state',
      'revoked-seen',
    ]) {
      await redis.admin.set(KEY(name), 'something else');
      await expect.poll(async () => (await log.find('uu1').catch(() => [])).length).toBe(1);
      expect(await isRevoked(one, 'u1')).toBe(true);
    }
  });

  it('entries that are none of ours say nothing', async () => {
    const log = await openLog();
    const one = await member('n1');
    await redis.admin.hset(KEY('revocations'), 'a', 'x', 'b', '{"v":1}', 'c', 'y'.repeat(10_000));
    for (const id of ['a', 'b', 'c', 'd']) await redis.admin.zadd(KEY('revoked-order'), 9e14, id);
    await redis.admin.hset(KEY('revoked-names'), 'uu1', 'a b c d');
    const { revision } = await log.add(logout('u2'));
    expect(revision).toBeGreaterThan(0);
    await one.readNow();
    expect([await isRevoked(one, 'u1'), await isRevoked(one, 'u2')]).toEqual([false, true]);
  });

  it('a connect costs no call unless its user may be revoked', async () => {
    const log = await openLog();
    for (let n = 0; n < 500; n++) await log.add(logout(`gone-${n}`));
    const one = await member('n1');
    let revoked = 0;
    for (let n = 0; n < 10_000; n++) if (await isRevoked(one, `user-${n}`)) revoked++;
    expect(revoked).toBe(0);
    expect(one.stats().revocationLookups).toBeLessThan(10);
    const before = one.stats().revocationLookups ?? 0;
    for (let n = 0; n < 500; n++) expect(await isRevoked(one, `gone-${n}`)).toBe(true);
    // Those that were read as recent are known exactly.
    expect(one.stats().revocationLookups).toBe(before);
  });

  it('a log of 3,000 is read in pages, and all of it is in force', async () => {
    const log = await openLog();
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => log.add(logout(`u${n}`))));
    const one = await member('n1');
    for (const n of [0, 1, 999, 1_000, 2_500, 2_999]) expect(await isRevoked(one, `u${n}`)).toBe(true);
    expect(await log.behind({ ...(await log.read(LOG_BEGIN, 1)).position })).toEqual([]);
  });
});
