// What one call of our functions reads at most, whatever it is asked and whatever stands in Redis: counted, on a real Redis.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { costOf, loadCountedLibrary } from '../support/counted-library.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const namespaces = new Namespaces({ default: { historySize: 10_000 } });
const library = { prefix: 'fanfare', namespaces };
const KIB = 1024;
const MESSAGE_BYTES = 64 * KIB;
/** Beside what was asked for: the entry that passes it, and what is looked up to judge a position. */
const FEW = { entries: 4, bytes: 5 * MESSAGE_BYTES };
/** Asked for by whoever asks for too much. */
const ENTRIES = 1_024;
const BYTES = 1_024 * KIB;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  await server.admin.flushall();
  await loadCountedLibrary(server.admin, library);
});

const keysOf = (channel: string) => [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
const read = (channel: string, after: string, entries = 256, bytes = 256 * KIB) =>
  costOf(server.admin, 'read', keysOf(channel), [after, entries, bytes]);

/** Publishes; answers the first and last offset. */
async function fill(channel: string, count: number, bytes: number): Promise<{ first: string; last: string }> {
  const data = `"${'x'.repeat(bytes - 2)}"`;
  const offsets: string[] = [];
  while (offsets.length < count) {
    const pipeline = server.admin.pipeline();
    const more = Math.min(200, count - offsets.length);
    for (let n = 0; n < more; n++) pipeline.call('FCALL', 'fanfare_publish', 1, channel, data);
    for (const [error, offset] of (await pipeline.exec()) ?? []) {
      if (error !== null) throw error;
      offsets.push(String(offset));
    }
  }
  return { first: offsets[0] ?? '', last: offsets.at(-1) ?? '' };
}

/** An offset of another master's, so long after this one. */
function foreignAfter(offset: string, ms: number): string {
  const { ms: at, seq } = parseOffset(offset);
  return formatOffset(at + ms, (Math.floor(seq / 2 ** 20) % 1_000_000) * 2 ** 20 + 2 ** 21);
}

describe.each([
  [10_000, 2_000],
  [1_000, 10_000],
  [100, 60_000],
])('of a history of %i messages of %i bytes, a read', (count, bytes) => {
  test('after any offset takes a page and a few entries', async () => {
    const { first, last } = await fill('x', count, bytes);
    const sizes = { full: [256, 256 * KIB], small: [1, 1], excessive: [1e9, 1e15] } as const;
    const afters = [
      '9999999999999-0000000000000000',
      foreignAfter(last, 60_000),
      foreignAfter(first, 1),
      formatOffset(1, 1),
      first,
      last,
      '-1',
      'now',
    ];
    for (const after of afters) {
      for (const [entries, maxBytes] of Object.values(sizes)) {
        const cost = await read('x', after, entries, maxBytes);
        expect(cost.entries, after).toBeLessThanOrEqual(Math.min(entries, ENTRIES) + FEW.entries);
        expect(cost.bytes, after).toBeLessThanOrEqual(Math.min(maxBytes, BYTES) + FEW.bytes);
      }
    }
  });

  test('of the last messages is looked for in several calls, none of which is long', async () => {
    await fill('x', count, bytes);
    let answer: unknown = [`last:${Math.min(count, 1_000)}`];
    let calls = 0;
    while (Array.isArray(answer) && answer.length === 1) {
      const cost = await read('x', String(answer[0]));
      expect(cost.entries).toBeLessThanOrEqual(2 * 256 + FEW.entries);
      expect(cost.bytes).toBeLessThanOrEqual(BYTES + 256 * KIB + 2 * FEW.bytes);
      answer = cost.answer;
      calls++;
    }
    expect(calls).toBeLessThanOrEqual(10);
    expect((answer as unknown[]).length).toBeGreaterThan(1);
  });
});

test('the last messages are the same however many calls it takes to find them', async () => {
  const broker = createRedisBroker({ url: server.url, ...library, logger: silentLogger });
  try {
    await broker.start(new RecordingListener());
    const offsets: string[] = [];
    for (let n = 0; n < 60; n++) {
      const data = `[${n},"${'x'.repeat(60_000)}"]`;
      offsets.push(await broker.publish({ channel: 'x', data }));
    }
    for (const count of [0, 1, 16, 17, 34, 35, 59]) {
      const page = await broker.read('x', { last: count }, { maxEntries: 1, maxBytes: 1 });
      expect(page).toMatchObject({ start: offsets[59 - count], gap: undefined });
    }
    // What is trimmed meanwhile is what a position can not be before.
    const [rest] = (await read('x', 'last:60')).answer as string[];
    await server.admin.xtrim(keysOf('x')[0] ?? '', 'MINID', offsets[50]?.replace(/^0+/, '') ?? '');
    const answer = (await read('x', String(rest))).answer as unknown[];
    expect(answer.slice(0, 2)).toEqual([offsets[49], '']);
  } finally {
    await broker.close();
  }
});

test('a publish takes away a bounded number of entries that are too old, and none of them is read', async () => {
  const [log = '', tail = ''] = keysOf('x');
  const pipeline = server.admin.pipeline();
  for (let n = 1; n <= 5_000; n++) pipeline.xadd(log, `${n}-1`, 'd', '1', 'p', formatOffset(n, 0));
  await pipeline.exec();
  const cost = await costOf(server.admin, 'publish', [log, tail], ['1']);
  expect(cost.entries).toBeLessThanOrEqual(1);
  expect(await server.admin.xlen(log)).toBeGreaterThanOrEqual(4_000);
  expect((await read('x', '-1')).answer).toHaveLength(5 + 3);
  for (let n = 0; n < 6; n++) await costOf(server.admin, 'publish', [log, tail], ['1']);
  expect(await server.admin.xlen(log)).toBeLessThanOrEqual(7 + 100);
});

test('a tail that somebody made long is not read', async () => {
  const [log = '', tail = ''] = keysOf('x');
  await server.admin.set(tail, '1'.repeat(5_000_000));
  expect((await costOf(server.admin, 'publish', [log, tail], ['1'])).bytes).toBeLessThan(KIB);
  await server.admin.set(tail, '1'.repeat(5_000_000));
  expect((await read('x', '-1')).bytes).toBeLessThan(KIB);
});

test('the queue reads long entries one by one, whatever their fields are', async () => {
  const junk = 'x'.repeat(1_000_000);
  for (let n = 0; n < 30; n++) await server.admin.xadd('fanfare:ingest', '*', 'junk', junk);
  const args = [512, 4 * 1024 * KIB, MESSAGE_BYTES, '-', 'skip'];
  const cost = await costOf(server.admin, 'ingest_next', ['fanfare:ingest'], args);
  expect(cost.bytes).toBeLessThanOrEqual(10_000_000);
});

describe('the registry that somebody has filled', () => {
  const keys = ['nodes', 'held', 'pace', 'reservations', 'state', 'lapses'].map((name) => `fanfare:{!cluster}:${name}`);
  const [nodes = '', held = '', , , state = ''] = keys;
  const report = ['n1', 'http://n1.example', 'i1', 0, 10, 100, 'ready', 1, '', ''];

  beforeEach(async () => {
    const pipeline = server.admin.pipeline();
    for (let n = 0; n < 10_000; n++) {
      pipeline.hset(nodes, `junk-${n}`, 'x'.repeat(100));
      pipeline.hset(held, `junk-${n}`, 1);
      pipeline.hset(state, `signer junk-${n}`, Date.now() + 60_000);
    }
    await pipeline.exec();
  });

  test('is read in part', async () => {
    for (const [name, args] of [
      ['node_list', ['f']],
      ['node_assign', [0.5, 'r', 0, -1]],
      ['node_report', report],
    ] as const) {
      expect((await costOf(server.admin, name, keys, args)).bytes, name).toBeLessThan(1_000_000);
    }
  });

  test('is weeded by reports until it is small enough, and keeps the nodes', async () => {
    let reports = 0;
    while ((await server.admin.hlen(nodes)) > 2_048 && reports++ < 100) {
      await costOf(server.admin, 'node_report', keys, report);
    }
    expect(reports).toBeLessThan(60);
    const { answer } = await costOf(server.admin, 'node_list', keys, []);
    expect(JSON.parse(String(answer)).nodes).toMatchObject([{ id: 'n1' }]);
  });
});
