// Who drains the queue: whoever has the lease, through whatever happens to the holder and to Redis.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toFanfareError } from '../../src/broker/redis/errors.js';
import { FanfareError } from '../../src/lib/errors.js';
import { DEAD, IngestWorld, LEASE, QUEUE } from './ingest-world.js';

let world: IngestWorld;
beforeEach(async () => {
  world = await IngestWorld.start();
});
afterEach(() => world?.stop());

describe('the lease', () => {
  it('is one drainer’s, and the other’s as soon as that one is closed', async () => {
    const [one, two] = [await world.drainer(), await world.drainer()];
    one.ingest.start();
    await expect.poll(() => one.ingest.stats().ingestHolder).toBe(1);
    two.ingest.start();
    await world.queueMany(100, 3);
    await world.drained();
    expect([one.ingest.stats().ingested, two.ingest.stats().ingested]).toEqual([100, 0]);
    const lease = await world.server.admin.get(LEASE);
    await one.ingest.close();
    expect(one.ingest.stats().ingestHolder).toBe(0);
    // Given up, not left to lapse.
    expect(await world.server.admin.get(LEASE)).not.toBe(lease);
    await expect.poll(() => two.ingest.stats().ingestHolder).toBe(1);
    await world.queueMany(100, 3, 100);
    await world.drained();
    expect(two.ingest.stats().ingested).toBe(100);
    await world.expectAll(200, 3);
  });

  it('of a dead holder is waited for, and its entries come first', async () => {
    await world.server.admin.set(LEASE, randomUUID(), 'PX', 600_000);
    await world.queueMany(50, 2);
    const { ingest } = await world.drainer();
    const before = await world.functionCalls();
    ingest.start();
    await expect.poll(() => world.functionCalls()).toBeGreaterThanOrEqual(before + 3);
    expect(await world.queued()).toBe(50);
    await world.server.admin.pexpire(LEASE, 1);
    await world.drained();
    await world.expectAll(50, 2);
  });

  it('that never lapses is no dead holder’s: somebody took away its time, and it is taken over', async () => {
    await world.server.admin.set(LEASE, 'for ever');
    await world.queueMany(10, 2);
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
  });

  it('is lost to another holder without a message lost, repeated or out of order', async () => {
    await world.queueMany(4_000, 5);
    const [one, two] = [await world.drainer(), await world.drainer()];
    one.ingest.start();
    two.ingest.start();
    // Each deletion lets the other one in while the first still works: both publish the same entries.
    while ((await world.queued()) > 0) await world.server.admin.del(LEASE);
    await world.expectAll(4_000, 5);
  });

  it('is held by nobody once all are closed, also when close comes in the middle of the work', async () => {
    await world.queueMany(5_000, 50);
    const { ingest } = await world.drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    await ingest.close();
    await ingest.close();
    expect(await world.server.admin.exists(LEASE)).toBe(0);
    expect((await world.queued()) + ingest.stats().ingested).toBe(5_000);
    const next = await world.drainer();
    next.ingest.start();
    await world.drained();
    await world.expectAll(5_000, 50);
  });
});

describe('while Redis', () => {
  it('restarts, nothing is lost or repeated', async () => {
    await world.queueMany(5_000, 20);
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    // Ending it takes a while, in which it would go on.
    world.server.pause();
    await world.server.restart();
    await expect.poll(() => world.queued().catch(() => -1)).toBe(0);
    await expect.poll(() => world.broker.status().ready).toBe(true);
    await world.expectAll(5_000, 20);
    expect(await world.server.admin.exists(DEAD)).toBe(0);
    expect(logger.texts('warn')).toContain('the queue cannot be drained now; trying again');
  });

  it('drops the connection again and again, nothing is lost or repeated', async () => {
    await world.queueMany(5_000, 20);
    const { ingest } = await world.drainer();
    ingest.start();
    for (let round = 0; round < 5 && (await world.queued()) > 0; round++) {
      const before = await world.queued();
      await world.server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await expect.poll(() => world.queued(), { interval: 5 }).toSatisfy((left) => left < before || left === 0);
    }
    await world.drained();
    await expect.poll(() => world.broker.status().ready).toBe(true);
    await world.expectAll(5_000, 20);
  });

  it('is full, entries stay where they are and are no dead letters', async () => {
    await world.queueMany(200, 4);
    await world.server.admin.config('SET', 'maxmemory', '1mb');
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => logger.texts('warn')).toContain('the queue cannot be drained now; trying again');
    expect(await world.queued()).toBe(200);
    await world.server.admin.config('SET', 'maxmemory', '0');
    await world.drained();
    await world.expectAll(200, 4);
    expect(await world.server.admin.exists(DEAD)).toBe(0);
    const said = logger.texts('warn').filter((text) => text.startsWith('the queue'));
    expect(said).toEqual(['the queue cannot be drained now; trying again']);
  });

  it('gets full in the middle of the work, each channel goes on where it stood', async () => {
    await world.queueMany(3_000, 10);
    const { ingest } = await world.drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingested, { interval: 1 }).toBeGreaterThan(0);
    await world.server.admin.config('SET', 'maxmemory', '1mb');
    await world.server.admin.config('SET', 'maxmemory', '0');
    await world.drained();
    await world.expectAll(3_000, 10);
    expect(ingest.stats().ingestDead).toBe(0);
  });

  it.each(['-getrange', '-xadd'])(
    'takes a right away (%s), entries wait for it and are no dead letters',
    async (rule) => {
      const { admin } = world.server;
      const { ingest, attempts } = await world.drainer();
      await world.queueMany(300, 3);
      await admin.call('ACL', 'SETUSER', 'default', rule);
      ingest.start();
      await expect.poll(() => attempts('c0')).toBeGreaterThan(5);
      await admin.call('ACL', 'SETUSER', 'default', '+@all');
      await world.drained();
      await world.expectAll(300, 3);
      expect(await admin.exists(DEAD)).toBe(0);
    },
  );

  it('fails in words that nobody knows, on all channels, entries wait and are no dead letters', async () => {
    let isOver = false;
    const unknown = toFanfareError(new Error('ERR nobody knows what'), 'write');
    const { ingest, attempts } = await world.drainer(() => (isOver ? undefined : Promise.reject(unknown)));
    await world.queueMany(300, 3);
    ingest.start();
    for (const channel of ['c0', 'c1', 'c2']) await expect.poll(() => attempts(channel)).toBeGreaterThan(5);
    expect(await world.queued()).toBe(300);
    isOver = true;
    await world.drained();
    await world.expectAll(300, 3);
    expect(await world.server.admin.exists(DEAD)).toBe(0);
  });

  it('has something else under the name of its lease, that is named and taken away', async () => {
    await world.server.admin.hset(`${QUEUE}:lease`, 'not', 'a lease');
    await world.queueMany(10, 2);
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await world.drained();
    await world.expectAll(10, 2);
    const mended = logger.lines.filter(({ fields }) => 'key' in fields);
    expect(mended.map(({ fields }) => fields)).toEqual([{ key: `${QUEUE}:lease` }]);
  });

  it('has something else under the queue’s name, it is said once, and mended by removing it', async () => {
    await world.server.admin.set(QUEUE, 'not a stream');
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => logger.texts('warn')).toHaveLength(1);
    await world.server.admin.del(QUEUE);
    await world.queueMany(10, 2);
    await world.drained();
    await world.expectAll(10, 2);
  });

  it('has something else under the name of the dead letters, that is named, and mended by removing it', async () => {
    const { admin } = world.server;
    await admin.set(DEAD, 'not a stream');
    await admin.xadd(QUEUE, '*', 'channel', 'news', 'data', 'x'.repeat(70_000));
    const { ingest, logger } = await world.drainer();
    ingest.start();
    const words = () => logger.lines.map(({ fields }) => ('error' in fields ? String(fields.error) : ''));
    await expect.poll(words).toContainEqual(expect.stringContaining(`${DEAD} holds another type`));
    await admin.del(DEAD);
    await world.drained();
    expect(await admin.xlen(DEAD)).toBe(1);
  });

  it('is emptied, the drainer goes on with what is queued afterwards', async () => {
    const { ingest } = await world.drainer();
    ingest.start();
    await expect.poll(() => ingest.stats().ingestHolder).toBe(1);
    await world.server.admin.flushall();
    await world.server.admin.call('FUNCTION', 'FLUSH');
    await world.queueMany(100, 2);
    await world.drained();
    await world.expectAll(100, 2);
  });
});

describe('a channel that cannot be published on', () => {
  it('holds up no other, however many entries it has before theirs, and ends among the dead letters in its order', async () => {
    await world.server.admin.set('fanfare:{broken}:log', 'not a stream');
    for (let n = 0; n < 600; n++) await world.queue('channel', 'broken', 'data', `${n}`);
    await world.queue('channel', 'good', 'data', '"behind it"');
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => world.published('good')).toEqual(['"behind it"']);
    await world.drained();
    const letters = await world.deadLetters();
    expect(letters.map(({ data }) => Number(data))).toEqual(Array.from({ length: 600 }, (_, n) => n));
    expect(new Set(letters.map(({ code }) => code))).toEqual(new Set(['internal']));
    expect(ingest.stats()).toMatchObject({ ingested: 1, ingestDead: 600, ingestAside: 0 });
    const said = logger.texts('warn').filter((text) => text.includes('cannot be published on'));
    expect(said).toEqual(['a channel of the queue cannot be published on now; trying again']);
  });

  it('in words that nobody knows is a fault of its own once others fare better meanwhile', async () => {
    const unknown = toFanfareError(new Error('ERR nobody knows what'), 'write');
    const { ingest, attempts } = await world.drainer((name) => (name === 'c0' ? Promise.reject(unknown) : undefined));
    await world.queue('channel', 'c0', 'data', '1');
    ingest.start();
    await expect.poll(() => attempts('c0')).toBeGreaterThan(5);
    expect(await world.queued()).toBe(1);
    for (let n = 0; (await world.queued()) > 0; n++) {
      const before = attempts('c0');
      await world.queue('channel', 'c1', 'data', `${n}`);
      await expect.poll(async () => attempts('c0') > before || (await world.queued()) === 0).toBe(true);
    }
    expect(await world.deadLetters()).toMatchObject([{ code: 'internal', channel: 'c0' }]);
  });

  it.each(['fails', 'hangs'])('and %s for a while goes on in its order, and the others meanwhile', async (how) => {
    let release = () => {};
    const freed = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isFree = false;
    const { ingest } = await world.drainer((channel) => {
      if (channel !== 'c0' || isFree) return undefined;
      return how === 'hangs' ? freed : Promise.reject(new FanfareError('broker_unavailable', 'the test'));
    });
    await world.queueMany(4_000, 5);
    ingest.start();
    for (const channel of ['c1', 'c2', 'c3', 'c4']) {
      await expect.poll(async () => (await world.published(channel)).length).toBe(800);
    }
    expect(await world.published('c0')).toEqual([]);
    // What comes meanwhile is behind it.
    await world.queueMany(1_000, 5, 4_000);
    await expect.poll(() => world.queued()).toBe(1_000);
    expect(ingest.stats()).toMatchObject({ ingestAside: 1, ingestDead: 0 });
    isFree = true;
    release();
    await world.drained();
    await world.expectAll(5_000, 5);
    expect(ingest.stats()).toMatchObject({ ingestAside: 0, ingested: 5_000 });
  });

  it('is left to the next holder with all that it has, and nothing is out of order', async () => {
    const { ingest } = await world.drainer((channel) =>
      channel === 'c0' ? Promise.reject(new FanfareError('broker_unavailable', 'the test')) : undefined,
    );
    await world.queueMany(1_000, 5);
    ingest.start();
    await expect.poll(() => world.queued()).toBe(200);
    await ingest.close();
    const next = await world.drainer();
    next.ingest.start();
    await world.drained();
    await world.expectAll(1_000, 5);
  });
});
