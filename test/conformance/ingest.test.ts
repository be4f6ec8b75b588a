// The queue on a real Redis: published once and in order, and what cannot be published.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEAD, IngestWorld, QUEUE } from './ingest-world.js';

const NO_ROOM = 'there is no room for another dead letter: what would be one waits in the queue';

let world: IngestWorld;
beforeEach(async () => {
  world = await IngestWorld.start();
});
afterEach(() => world?.stop());

describe('the queue', () => {
  it('is published in order per channel and then empty, with what comes later', async () => {
    await world.queueMany(3_000, 7);
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    await world.queueMany(10, 7, 3_000);
    await world.drained();
    await world.expectAll(3_010, 7);
    expect(ingest.stats()).toEqual({ ingested: 3_010, ingestDead: 0, ingestAside: 0, ingestHolder: 1 });
    expect(await world.server.admin.exists(DEAD)).toBe(0);
  });

  it('carries data byte for byte, as FCALL does', async () => {
    const data = Buffer.from([0x22, 0xff, 0x00, 0x22]);
    await world.queue('channel', 'bytes', 'data', data, 'x_other', 'is not looked at');
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    const [entry] = await world.server.admin.xrangeBuffer('fanfare:{bytes}:log', '-', '+');
    expect(entry?.[1][1]).toEqual(data);
  });

  it('publishes entries with one key once', async () => {
    for (let i = 0; i < 3; i++) await world.queue('channel', 'news', 'data', '"same"', 'key', 'order-17');
    await world.queue('channel', 'other', 'data', '"same"', 'key', 'order-17');
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    expect(await world.published('news')).toEqual(['"same"']);
    expect(await world.published('other')).toEqual(['"same"']);
  });

  it('does not publish again what a holder published and had no time to delete', async () => {
    const id = await world.queue('channel', 'news', 'data', '1');
    await world.queue('channel', 'news', 'data', '2');
    await world.broker.publish({ channel: 'news', data: '1', key: `b:${id}` });
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    expect(await world.published('news')).toEqual(['1', '2']);
  });
});

describe('dead letters', () => {
  it('hold what cannot be published, with the code, the reason and the entry; the rest goes on', async () => {
    await world.queue('data', '1');
    await world.queue('channel', 'news');
    await world.queue('channel', 'news', 'data', '1', 'data', '2');
    await world.queue('channel', 'bad name', 'data', '1');
    await world.queue('channel', 'news', 'data', '1', 'key', 'two words');
    await world.queue('channel', 'news', 'data', 'x'.repeat(65_537));
    await world.queue('channel', 'news', 'data', '"first"', 'key', 'k');
    const id = await world.queue('channel', 'news', 'data', '"second"', 'key', 'k');
    await world.queue('channel', 'news', 'data', '"last"');
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    expect(await world.published('news')).toEqual(['"first"', '"last"']);
    const letters = await world.deadLetters();
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
    await world.server.admin.set('fanfare:{broken}:log', 'not a stream');
    await world.queue('channel', 'broken', 'data', '1');
    await world.queue('channel', 'news', 'data', '2');
    const { ingest } = await world.drainer();
    ingest.start();
    await world.drained();
    expect(await world.published('news')).toEqual(['2']);
    expect(await world.deadLetters()).toMatchObject([{ code: 'internal', channel: 'broken' }]);
  });

  it('are at most 1,000, and none makes room for another: what would be one more waits in the queue', async () => {
    const pipeline = world.server.admin.pipeline();
    for (let i = 0; i < 1_200; i++) pipeline.xadd(QUEUE, '*', 'channel', '.', 'data', `${i}`);
    pipeline.xadd(QUEUE, '*', 'channel', 'news', 'data', '"good"');
    await pipeline.exec();
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => world.queued()).toBe(200);
    await expect.poll(() => logger.texts('warn')).toContain(NO_ROOM);
    expect(await world.published('news')).toEqual(['"good"']);
    expect(await world.server.admin.xlen(DEAD)).toBe(1_000);
    expect((await world.deadLetters()).at(-1)).toMatchObject({ data: '999' });
    await world.server.admin.del(DEAD);
    await world.drained();
    expect(await world.server.admin.xlen(DEAD)).toBe(200);
    expect(logger.texts('warn').filter((text) => text === NO_ROOM)).toHaveLength(1);
  });

  it('without room hold up a channel’s later entries, and what was stored behind is not stored again', async () => {
    const full = world.server.admin.pipeline();
    for (let i = 0; i < 1_000; i++) full.xadd(DEAD, '*', 'code', 'internal');
    await full.exec();
    await world.queue('channel', 'news', 'data', '1');
    const wrong = await world.queue('channel', 'news');
    await world.queue('channel', 'news', 'data', '2');
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await expect.poll(() => logger.texts('warn')).toContain(NO_ROOM);
    await expect.poll(() => world.queued()).toBe(1);
    expect(await world.server.admin.xrange(QUEUE, '-', '+')).toMatchObject([[wrong, ['channel', 'news']]]);
    expect(await world.published('news')).toEqual(['1', '2']);
    await world.server.admin.xtrim(DEAD, 'MAXLEN', 999);
    await world.drained();
    expect(await world.published('news')).toEqual(['1', '2']);
    expect((await world.deadLetters()).at(-1)).toMatchObject({ code: 'bad_field', id: wrong });
  });
});
