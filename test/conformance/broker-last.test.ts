// Reading the last messages of a channel, on the memory broker and on a real Redis.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, PageLimit } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const namespaces = new Namespaces({ default: { historySize: 200 }, short: { historySize: 3 } });
const ALL: PageLimit = { maxEntries: 1_000, maxBytes: 1024 * 1024 };

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());

const brokers: Record<string, () => Broker> = {
  memory: () => createMemoryBroker({ namespaces }),
  redis: () => createRedisBroker({ url: server.url, prefix: 'fanfare', namespaces, logger: silentLogger }),
};

describe.each(Object.keys(brokers))('the last messages, on the %s broker', (kind) => {
  let broker: Broker;
  let channel: string;

  beforeEach(async () => {
    const create = brokers[kind];
    if (create === undefined) throw new Error('no such broker');
    broker = create();
    channel = `last:${randomUUID()}`;
    await broker.start(new RecordingListener());
  });
  afterEach(() => broker?.close());

  async function publish(count: number, on = channel): Promise<string[]> {
    const offsets: string[] = [];
    for (let n = 1; n <= count; n++) offsets.push(await broker.publish({ channel: on, data: String(n) }));
    return offsets;
  }
  async function last(count: number, on = channel, limit = ALL) {
    const { start, gap, entries, tail, more } = await broker.read(on, { last: count }, limit);
    return { start, gap, data: entries.map(({ data }) => Number(String(data))), tail, more, entries };
  }

  test.each([1, 5, 31, 32, 33, 64, 99])('are so many, after the position before them: %i of 100', async (count) => {
    const offsets = await publish(100);
    const page = await last(count);
    expect(page).toMatchObject({ start: offsets[99 - count], gap: undefined, tail: offsets[99], more: false });
    expect(page.data).toEqual(Array.from({ length: count }, (_, n) => 101 - count + n));
  });

  test('are all where there are fewer, from the start of history', async () => {
    const { start } = await broker.read(channel, '-1', ALL);
    await publish(2);
    expect(await last(1_000)).toMatchObject({ start, gap: undefined, data: [1, 2] });
    const trimmed = await publish(5, `short:${channel}`);
    expect(await last(9, `short:${channel}`)).toMatchObject({ start: trimmed[1], gap: undefined, data: [3, 4, 5] });
  });

  test('are none of a channel on which nothing was published, or where none are asked for', async () => {
    const empty = await last(5);
    expect(empty).toMatchObject({ start: empty.tail, gap: undefined, data: [], more: false });
    const [, second] = await publish(2);
    expect(await last(0)).toMatchObject({ start: second, gap: undefined, data: [] });
  });

  test('come in pages, of which each next is read after the one before', async () => {
    const offsets = await publish(50);
    const page = await last(40, channel, { maxEntries: 10, maxBytes: 1024 * 1024 });
    expect(page).toMatchObject({ start: offsets[9], data: [11, 12, 13, 14, 15, 16, 17, 18, 19, 20], more: true });
    const next = await broker.read(channel, offsets[19] ?? '', ALL);
    expect(next.entries).toHaveLength(30);
  });

  test('are refused where the number is none', async () => {
    await expect(broker.read(channel, { last: -1 }, ALL)).rejects.toMatchObject({ code: 'bad_offset' });
    await expect(broker.read(channel, { last: 1.5 }, ALL)).rejects.toMatchObject({ code: 'bad_offset' });
  });
});
