// Publishes that wait for replicas, on a real master and its replica: what is acknowledged, refused, and not known.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Broker, HistoryPage, Publication } from '../../src/broker/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import type { Offset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { codeOf, dataOf, WHOLE_PAGE } from '../support/redis-broker.js';
import { startSentinel } from '../support/redis-sentinel.js';

const namespaces = new Namespaces({ default: { historySize: 10_000 } });

async function brokerOn({ url }: Pick<RedisServer, 'url'>): Promise<Broker> {
  const broker = createRedisBroker({ url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await broker.start(new RecordingListener());
  return broker;
}

async function replicaOf(master: RedisServer, count = 1): Promise<RedisServer> {
  const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] });
  const online = async () =>
    expect((await master.admin.info('replication')).match(/state=online/g)).toHaveLength(count);
  await vi.waitFor(online, { timeout: 40_000 });
  return replica;
}

function logOf(broker: Broker, channel: string): Promise<HistoryPage> {
  return broker.read(channel, '-1', WHOLE_PAGE);
}

/** How often a command was called. */
async function calls({ admin }: RedisServer, command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await admin.info('commandstats'))?.[1] ?? 0);
}

describe('with one replica', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let broker: Broker;
  let channel: string;
  let tests = 0;

  beforeAll(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    replica = await replicaOf(master);
  });
  afterAll(async () => {
    await replica?.stop();
    await master?.stop();
  });
  beforeEach(async () => {
    channel = `test:${++tests}`;
    broker = await brokerOn(master);
  });
  afterEach(() => broker?.close());

  const publish = (data: string, more: Partial<Publication> = {}): Promise<Offset> =>
    broker.publish({ channel, data, waitReplicas: 1, ...more });

  test('an acknowledged publish is on the replica', async () => {
    const offset = await publish('1');
    expect(await replica.admin.get(`fanfare:{${channel}}:tail`)).toContain(offset);
    expect(dataOf(await logOf(broker, channel))).toEqual(['1']);
  });

  test('a publish that asks for more replicas than are online is refused, and nothing is written', async () => {
    const refused = broker.publish({ channel, data: '1', waitReplicas: 2 });
    await expect(refused).rejects.toMatchObject({ code: 'replicas_unavailable', retryAfterMs: expect.any(Number) });
    expect(await master.admin.exists(`fanfare:{${channel}}:log`)).toBe(0);
  });

  test('a publish that a full master refuses is told by the status', async () => {
    await master.admin.config('SET', 'maxmemory', '1mb');
    try {
      expect(await codeOf(publish('1'))).toBe('storage_full');
    } finally {
      await master.admin.config('SET', 'maxmemory', '0');
    }
    expect(broker.status()).toMatchObject({ ready: true, detail: expect.stringContaining('publishes are refused') });
  });

  test('those that ask for what is there are stored beside those that ask for more', async () => {
    const asked = [1, 2, 1, 5].map((waitReplicas, n) => codeOf(publish(String(n), { waitReplicas })));
    expect(await Promise.all(asked)).toEqual(['no error', 'replicas_unavailable', 'no error', 'replicas_unavailable']);
    expect(dataOf(await logOf(broker, channel))).toEqual(['0', '2']);
  });

  test('publishes of one broker keep their order, and share rounds of WAIT', async () => {
    const before = await calls(master, 'wait');
    const data = Array.from({ length: 500 }, (_, n) => String(n));
    const offsets = await Promise.all(data.map((text) => publish(text)));
    expect(offsets).toEqual(offsets.toSorted());
    expect(dataOf(await logOf(broker, channel))).toEqual(data);
    expect((await calls(master, 'wait')) - before).toBeLessThanOrEqual(2);
  });

  test('what no replica confirms in time has an unknown outcome, and repeating it with its key waits again', async () => {
    await publish('"warm"');
    replica.pause();
    try {
      const order = { key: 'b:order-17' };
      await expect(publish('1', order)).rejects.toMatchObject({
        code: 'ack_timeout',
        outcome: 'unknown',
        retryAfterMs: expect.any(Number),
      });
      const stored = await logOf(broker, channel);
      expect(dataOf(stored)).toEqual(['"warm"', '1']);
      // On a fresh connection, which has written nothing so far.
      const other = await brokerOn(master);
      const publication = { channel, data: '1', waitReplicas: 1, ...order };
      expect(await codeOf(other.publish(publication))).toBe('ack_timeout');
      replica.resume();
      expect(await other.publish(publication)).toBe(stored.tail);
      expect(await replica.admin.get(`fanfare:{${channel}}:tail`)).toContain(stored.tail);
      expect(dataOf(await logOf(other, channel))).toEqual(['"warm"', '1']);
      await other.close();
    } finally {
      replica.resume();
    }
  });

  test('a key that is used again is a write, which keeps the time that the key has left', async () => {
    const key = `fanfare:{${channel}}:key:b:k`;
    await broker.publish({ channel, data: '1', key: 'b:k' });
    await master.admin.pexpire(key, 60_000);
    const written = async () => /master_repl_offset:(\d+)/.exec(await master.admin.info('replication'))?.[1];
    const before = await written();
    const answer = await broker.publish({ channel, data: '1', key: 'b:k' });
    expect(await written()).not.toBe(before);
    expect(answer).toBe((await logOf(broker, channel)).tail);
    const leftMs = await master.admin.pttl(key);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(60_000);
  });

  test('publishes that do not wait are not held up by one that does', async () => {
    await publish('"warm"');
    replica.pause();
    try {
      let waited = false;
      const slow = codeOf(publish('"slow"')).finally(() => {
        waited = true;
      });
      // The slow one is written, and its WAIT is under way.
      await expect.poll(() => master.admin.info('clients')).toContain('blocked_clients:1');
      for (let n = 0; n < 20; n++) await broker.publish({ channel, data: String(n) });
      expect(waited).toBe(false);
      expect(await slow).toBe('ack_timeout');
    } finally {
      replica.resume();
    }
  });

  test('a connection that is cut while it waits leaves an unknown outcome, and the next publish has another', async () => {
    await publish('"warm"');
    replica.pause();
    try {
      const cut = codeOf(publish('1'));
      await expect.poll(() => master.admin.info('clients')).toContain('blocked_clients:1');
      const clients = String(await master.admin.client('LIST'));
      const id = /^id=(\d+) .*name=fanfare-durable/m.exec(clients)?.[1] ?? '';
      await master.admin.client('KILL', 'ID', id);
      expect(await cut).toBe('ack_timeout');
    } finally {
      replica.resume();
    }
    expect(await codeOf(publish('2'))).toBe('no error');
    expect(dataOf(await logOf(broker, channel))).toEqual(['"warm"', '1', '2']);
  });

  test('no more than 2,000 wait for replicas that hang; the others are refused at once, unwritten', async () => {
    let unknown = 0;
    await publish('"warm"');
    replica.pause();
    try {
      const codes = await Promise.all(Array.from({ length: 2_100 }, (_, n) => codeOf(publish(String(n)))));
      unknown = codes.filter((code) => code === 'ack_timeout').length;
      // A second batch may have had its turn as well.
      expect(unknown).toBeGreaterThanOrEqual(1_000);
      expect(new Set(codes.slice(2_000))).toEqual(new Set(['broker_unavailable']));
    } finally {
      replica.resume();
    }
    expect(await codeOf(publish('"after"'))).toBe('no error');
    expect(await master.admin.xlen(`fanfare:{${channel}}:log`)).toBe(unknown + 2);
  });

  test('a master that hangs gets nothing more to write', async () => {
    await publish('1');
    master.pause();
    try {
      expect(await codeOf(publish('2'))).toBe('broker_unavailable');
    } finally {
      master.resume();
    }
    await expect.poll(() => codeOf(publish('3'))).toBe('no error');
    expect(await master.admin.xlen(`fanfare:{${channel}}:log`)).toBe(2);
  });

  test('a library that Redis has lost is loaded again', async () => {
    await publish('1');
    await master.admin.call('FUNCTION', 'FLUSH');
    await Promise.all([publish('2'), publish('3')]);
    expect(dataOf(await logOf(broker, channel))).toEqual(['1', '2', '3']);
  });

  test('other data under a used key is refused without a wait for replicas', async () => {
    await publish('1', { key: 'b:k' });
    expect(await codeOf(publish('2', { key: 'b:k' }))).toBe('idempotency_conflict');
  });

  test('close ends publishes that wait, and no connection is left', async () => {
    await publish('"warm"');
    replica.pause();
    try {
      const waiting = [codeOf(publish('1'))];
      await expect.poll(() => master.admin.info('clients')).toContain('blocked_clients:1');
      waiting.push(codeOf(publish('2')));
      await broker.close();
      expect(await Promise.all(waiting)).toEqual(['ack_timeout', 'broker_unavailable']);
      expect(await codeOf(publish('3'))).toBe('broker_unavailable');
    } finally {
      replica.resume();
    }
    await expect.poll(() => master.admin.client('LIST')).not.toContain('fanfare-');
  });
});

test('a master without a replica refuses before it writes, until a replica is there', async () => {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const broker = await brokerOn(master);
  expect(await codeOf(broker.publish({ channel: 'news', data: '1', waitReplicas: 1 }))).toBe('replicas_unavailable');
  expect(await master.admin.exists('fanfare:{news}:log')).toBe(0);
  const replica = await replicaOf(master);
  const offset = await broker.publish({ channel: 'news', data: '2', waitReplicas: 1 });
  expect(await replica.admin.get('fanfare:{news}:tail')).toContain(offset);
  await broker.close();
  await replica.stop();
  await master.stop();
});

test('after a failover the promoted replica has all that was acknowledged, and what did not wait is lost', async () => {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const replica = await replicaOf(master);
  const broker = await brokerOn(master);
  const acknowledged: Offset[] = [];
  const publish = async (data: string, waitReplicas: number) => {
    acknowledged.push(await broker.publish({ channel: 'news', data, waitReplicas }));
  };
  await Promise.all(Array.from({ length: 100 }, (_, n) => publish(String(n), 1)));
  // From here on the master talks to its clients, and its replica hears nothing, first with the link still open.
  replica.pause();
  expect(await codeOf(publish('"durable"', 1))).toBe('ack_timeout');
  await master.admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
  const lost = await broker.publish({ channel: 'news', data: '"plain"' });
  expect(await codeOf(publish('"durable"', 1))).toBe('replicas_unavailable');
  await master.kill();
  replica.resume();
  await replica.admin.replicaof('NO', 'ONE');

  const promoted = await brokerOn(replica);
  const kept = (await promoted.read('news', '-1', WHOLE_PAGE)).entries.map(({ offset }) => offset);
  expect(acknowledged).toHaveLength(100);
  expect(kept).toEqual(expect.arrayContaining(acknowledged));
  expect(kept).not.toContain(lost);
  await promoted.close();
  await broker.close();
  await replica.stop();
  await master.stop();
});

test('behind Sentinel it follows a failover to the replica that was promoted', async () => {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const replicas = [await replicaOf(master), await replicaOf(master, 2)];
  const sentinel = await startSentinel(master);
  const broker = await brokerOn(sentinel);
  const publish = (data: string) => broker.publish({ channel: 'news', data, waitReplicas: 1, key: `b:${data}` });
  const first = await publish('1');
  await master.kill();
  const during = await codeOf(publish('2'));
  expect(['ack_timeout', 'broker_unavailable', 'replicas_unavailable']).toContain(during);
  // The other replica has to find the new master first.
  await expect.poll(() => codeOf(publish('2'))).toBe('no error');
  // Publishes that wait have a connection of their own, which may be there before the one that reads.
  await expect.poll(() => broker.status().ready).toBe(true);
  const page = await logOf(broker, 'news');
  expect(dataOf(page)).toEqual(['1', '2']);
  expect(page.entries[0]?.offset).toBe(first);
  for (const { admin } of replicas) expect(await admin.get('fanfare:{news}:tail')).toContain(page.tail);
  await broker.close();
  await sentinel.stop();
  for (const server of [...replicas, master]) await server.stop();
});
