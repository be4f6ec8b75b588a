// The queue on a real Redis: drained once and in order by whoever has the lease, through whatever happens to Redis.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createIngest, type Ingest } from '../../src/broker/queue/ingest.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { dataOf, WHOLE_PAGE } from '../support/redis-broker.js';

const QUEUE = 'fanfare:ingest';
const DEAD = 'fanfare:ingest:dead';
const LEASE = 'fanfare:ingest:lease';
const namespaces = new Namespaces({ default: { historySize: 10_000 } });

interface TestDrainer {
  readonly ingest: Ingest;
  readonly broker: Broker;
  readonly logger: RecordingLogger;
}

let server: RedisServer;
let broker: Broker;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  // Persistent, so that a restart keeps what was acknowledged.
  server = await startRedis({ args: ['--appendonly', 'yes'] });
  ({ broker } = await drainer());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await server.stop();
});

/** As a node has it: one connection for the broker and the drainer. It is not started. */
async function drainer(): Promise<TestDrainer> {
  const logger = new RecordingLogger();
  const options = { url: server.url, prefix: 'fanfare', namespaces, logger };
  const connection = new RedisConnection(options);
  const own = createRedisBroker({ ...options, connection });
  await connection.start();
  await own.start(new RecordingListener());
  const ingest = createIngest({ connection, publish: (it) => own.publish(it), maxMessageBytes: 65_536, logger });
  closing.push(async () => {
    await ingest.close();
    await own.close();
    await connection.close();
  });
  return { ingest, broker: own, logger };
}

function queue(...fields: (string | Buffer)[]): Promise<string | null> {
  return server.admin.xadd(QUEUE, '*', ...fields);
}

/** Entries numbered from `first`, over channels `c0` … in turn. */
async function queueMany(count: number, channels: number, first = 0): Promise<void> {
  const pipeline = server.admin.pipeline();
  for (let i = first; i < first + count; i++) pipeline.xadd(QUEUE, '*', 'channel', `c${i % channels}`, 'data', `${i}`);
  await pipeline.exec();
}

/** Calls of our library since the server began. */
async function functionCalls(): Promise<number> {
  return Number(/cmdstat_fcall:calls=(\d+)/.exec(await server.admin.info('commandstats'))?.[1] ?? 0);
}

const queued = () => server.admin.xlen(QUEUE);
const drained = () => expect.poll(queued, { timeout: 20_000 }).toBe(0);

async function published(channel: string): Promise<string[]> {
  const data: string[] = [];
  for (let after = '-1'; ; ) {
    const page = await broker.read(channel, after, WHOLE_PAGE);
    data.push(...dataOf(page));
    if (!page.more) return data;
    after = page.entries.at(-1)?.offset ?? after;
  }
}

/** The numbers that `queueMany` put on a channel. */
function numbers(count: number, channels: number, channel: number): string[] {
  return Array.from({ length: count }, (_, i) => i)
    .filter((i) => i % channels === channel)
    .map(String);
}

async function expectAll(count: number, channels: number): Promise<void> {
  for (let c = 0; c < channels; c++) expect(await published(`c${c}`)).toEqual(numbers(count, channels, c));
}

async function deadLetters(): Promise<Record<string, string>[]> {
  const entries = await server.admin.xrange(DEAD, '-', '+');
  return entries.map(([, fields]) => {
    const letter: Record<string, string> = {};
    for (let i = 0; i < fields.length; i += 2) letter[fields[i] ?? ''] = fields[i + 1] ?? '';
    return letter;
  });
}

describe('the queue', () => {
  it('is published in order per channel and then empty, with what comes later', async () => {
    await queueMany(3_000, 7);
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    await queueMany(10, 7, 3_000);
    await drained();
    await expectAll(3_010, 7);
    expect(ingest.stats()).toEqual({ ingested: 3_010, ingestDead: 0, ingestHolder: 1 });
    expect(await server.admin.exists(DEAD)).toBe(0);
  });

  it('carries data byte for byte, as FCALL does', async () => {
    const data = Buffer.from([0x22, 0xff, 0x00, 0x22]);
    await queue('channel', 'bytes', 'data', data, 'x_other', 'is not looked at');
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    const [entry] = await server.admin.xrangeBuffer('fanfare:{bytes}:log', '-', '+');
    expect(entry?.[1][1]).toEqual(data);
  });

  it('publishes entries with one key once', async () => {
    for (let i = 0; i < 3; i++) await queue('channel', 'news', 'data', '"same"', 'key', 'order-17');
    await queue('channel', 'other', 'data', '"same"', 'key', 'order-17');
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    expect(await published('news')).toEqual(['"same"']);
    expect(await published('other')).toEqual(['"same"']);
  });

  it('does not publish again what a holder published and had no time to delete', async () => {
    const id = await queue('channel', 'news', 'data', '1');
    await queue('channel', 'news', 'data', '2');
    await broker.publish({ channel: 'news', data: '1', key: `b:${id}` });
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    expect(await published('news')).toEqual(['1', '2']);
  });
});

describe('dead letters', () => {
  it('hold what cannot be published, with the code, the reason and the entry; the rest goes on', async () => {
    await queue('data', '1');
    await queue('channel', 'news');
    await queue('channel', 'news', 'data', '1', 'data', '2');
    await queue('channel', 'bad name', 'data', '1');
    await queue('channel', 'news', 'data', '1', 'key', 'two words');
    await queue('channel', 'news', 'data', 'x'.repeat(65_537));
    await queue('channel', 'news', 'data', '"first"', 'key', 'k');
    const id = await queue('channel', 'news', 'data', '"second"', 'key', 'k');
    await queue('channel', 'news', 'data', '"last"');
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    expect(await published('news')).toEqual(['"first"', '"last"']);
    const letters = await deadLetters();
    const codes = ['bad_field', 'bad_field', 'bad_field', 'bad_channel_name', 'bad_idempotency_key'];
    expect(letters.map(({ code }) => code).sort()).toEqual(
      [...codes, 'payload_too_large', 'idempotency_conflict'].sort(),
    );
    expect(letters.find(({ code }) => code === 'idempotency_conflict')).toEqual({
      code: 'idempotency_conflict',
      reason: 'the idempotency key was used with other data',
      id,
      channel: 'news',
      data: '"second"',
      key: 'k',
    });
    const large = letters.find(({ code }) => code === 'payload_too_large');
    expect(large?.reason).toContain('65537');
    expect(large?.data).toHaveLength(1_024);
    expect(ingest.stats()).toMatchObject({ ingested: 2, ingestDead: 7 });
  });

  it('hold what keeps failing, after a few attempts', async () => {
    await server.admin.set('fanfare:{broken}:log', 'not a stream');
    await queue('channel', 'broken', 'data', '1');
    await queue('channel', 'news', 'data', '2');
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    expect(await published('news')).toEqual(['2']);
    expect(await deadLetters()).toMatchObject([{ code: 'internal', channel: 'broken' }]);
  });

  it('are bounded', async () => {
    const pipeline = server.admin.pipeline();
    for (let i = 0; i < 1_200; i++) pipeline.xadd(QUEUE, '*', 'channel', '.', 'data', `${i}`);
    await pipeline.exec();
    const { ingest } = await drainer();
    ingest.start();
    await drained();
    expect(await server.admin.xlen(DEAD)).toBe(1_000);
    expect((await deadLetters()).at(-1)).toMatchObject({ data: '1199' });
  });
});

describe('the lease', () => {
  it('is one drainer’s, and the other’s as soon as that one is closed', async () => {
    const [one, two] = [await drainer(), await drainer()];
    one.ingest.start();
    await expect.poll(() => one.ingest.stats().ingestHolder).toBe(1);
    two.ingest.start();
    await queueMany(100, 3);
    await drained();
    expect([one.ingest.stats().ingested, two.ingest.stats().ingested]).toEqual([100, 0]);
    const lease = await server.admin.get(LEASE);
    await one.ingest.close();
    expect(one.ingest.stats().ingestHolder).toBe(0);
    // Given up, not left to lapse.
    expect(await server.admin.get(LEASE)).not.toBe(lease);
    await expect.poll(() => two.ingest.stats().ingestHolder).toBe(1);
    await queueMany(100, 3, 100);
    await drained();
    expect(two.ingest.stats().ingested).toBe(100);
    await expectAll(200, 3);
  });

  it('of a dead holder is waited for, and its entries come first', async () => {
    await server.admin.set(LEASE, randomUUID(), 'PX', 600_000);
    await queueMany(50, 2);
    const { ingest } = await drainer();
    const before = await functionCalls();
    ingest.start();
    await expect.poll(functionCalls).toBeGreaterThanOrEqual(before + 3);
    expect(await queued()).toBe(50);
    await server.admin.pexpire(LEASE, 1);
    await drained();
    await expectAll(50, 2);
  });

  it('that never lapses is no dead holder’s: somebody took away its time, and it is taken over', async () => {
    await server.admin.set(LEASE, 'for ever');
    await queueMany(10, 2);
    const { ingest } = await drainer();
    ingest.start();
    await drained();
  });

  it('is lost to another holder without a message lost, repeated or out of order', async () => {
    await queueMany(4_000, 5);
    const [one, two] = [await drainer(), await drainer()];
    one.ingest.start();
    two.ingest.start();
    // Each deletion lets the other one in while the first still works: both publish the same entries.
    while ((await queued()) > 0) await server.admin.del(LEASE);
    await expectAll(4_000, 5);
  });

  it('is held by nobody once all are closed, also when close comes in the middle of the work', async () => {
    await queueMany(5_000, 50);
    const { ingest } = await drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    await ingest.close();
    await ingest.close();
    expect(await server.admin.exists(LEASE)).toBe(0);
    expect((await queued()) + ingest.stats().ingested).toBe(5_000);
    const next = await drainer();
    next.ingest.start();
    await drained();
    await expectAll(5_000, 50);
  });
});

describe('while Redis', () => {
  it('restarts, nothing is lost or repeated', async () => {
    await queueMany(5_000, 20);
    const { ingest, logger } = await drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    await server.restart();
    await expect.poll(() => queued().catch(() => -1), { timeout: 20_000 }).toBe(0);
    await expect.poll(() => broker.status().ready, { timeout: 10_000 }).toBe(true);
    await expectAll(5_000, 20);
    expect(await server.admin.exists(DEAD)).toBe(0);
    expect(logger.texts('warn')).toContain('the queue cannot be drained now; trying again');
  });

  it('drops the connection again and again, nothing is lost or repeated', async () => {
    await queueMany(5_000, 20);
    const { ingest } = await drainer();
    ingest.start();
    for (let round = 0; round < 5 && (await queued()) > 0; round++) {
      const before = await queued();
      await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await expect.poll(queued, { timeout: 10_000, interval: 5 }).toSatisfy((left) => left < before || left === 0);
    }
    await drained();
    await expect.poll(() => broker.status().ready, { timeout: 10_000 }).toBe(true);
    await expectAll(5_000, 20);
  });

  it('is full, entries stay where they are and are no dead letters', async () => {
    await queueMany(200, 4);
    await server.admin.config('SET', 'maxmemory', '1mb');
    const { ingest, logger } = await drainer();
    ingest.start();
    await expect.poll(() => logger.texts('warn')).toContain('the queue cannot be drained now; trying again');
    expect(await queued()).toBe(200);
    await server.admin.config('SET', 'maxmemory', '0');
    await drained();
    await expectAll(200, 4);
    expect(await server.admin.exists(DEAD)).toBe(0);
    const said = logger.texts('warn').filter((text) => text.startsWith('the queue'));
    expect(said).toEqual(['the queue cannot be drained now; trying again']);
  });

  it('gets full in the middle of the work, each channel goes on where it stood', async () => {
    await queueMany(3_000, 10);
    const { ingest } = await drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    await server.admin.config('SET', 'maxmemory', '1mb');
    await server.admin.config('SET', 'maxmemory', '0');
    await drained();
    await expectAll(3_000, 10);
    expect(ingest.stats().ingestDead).toBe(0);
  });

  it('has something else under the queue’s name, it is said once, and mended by removing it', async () => {
    await server.admin.set(QUEUE, 'not a stream');
    const { ingest, logger } = await drainer();
    ingest.start();
    await expect.poll(() => logger.texts('warn')).toHaveLength(1);
    await server.admin.del(QUEUE);
    await queueMany(10, 2);
    await drained();
    await expectAll(10, 2);
  });

  it('is emptied, the drainer goes on with what is queued afterwards', async () => {
    const { ingest } = await drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingestHolder).toBe(1);
    await server.admin.flushall();
    await server.admin.call('FUNCTION', 'FLUSH');
    await queueMany(100, 2);
    await drained();
    await expectAll(100, 2);
  });
});
