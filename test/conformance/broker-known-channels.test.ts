// What our functions remember of channels between calls, on a real Redis: it saves commands, and nothing is believed that is not so.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Namespaces } from '../../src/config/namespaces.js';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { costOf, loadCountedLibrary } from '../support/counted-library.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const HISTORY = 10;
const DAY_MS = 86_400_000;
/** Of what a channel keeps, unless it is said otherwise. */
const TTL_MS = 600_000;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  await server.admin.flushall();
  await loadCountedLibrary(server.admin, {
    prefix: 'fanfare',
    namespaces: new Namespaces({ default: { historySize: HISTORY } }),
  });
});

const keysOf = (channel: string): [string, string] => [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
const publish = (channel: string) => costOf(server.admin, 'publish', [channel], ['1']);
const many = (...channels: string[]) =>
  costOf(
    server.admin,
    'publish_many',
    channels,
    channels.map(() => '1'),
  );
/** The offset of the newest message, and the predecessor that it names. */
async function newest(channel: string) {
  const [[id = '', fields = []] = []] = await server.admin.xrevrange(keysOf(channel)[0], '+', '-', 'COUNT', 1);
  const [ms, seq] = id.split('-').map(Number);
  return { offset: formatOffset(ms ?? 0, seq ?? 0), previous: fields[fields.indexOf('p') + 1] };
}

test('a publish to a channel that is known takes five commands, and one of several four', async () => {
  const first = await publish('a');
  expect(first.commands).toBeGreaterThan(6);
  // The clock, the tail, the log, the tail again, and the bus.
  expect((await publish('a')).commands).toBe(5);
  await many('a', 'b', 'c');
  expect((await many('a', 'b', 'c')).commands).toBe(1 + 3 * 4);
  // Of one channel: the tail is read and written, and the log shortened, once.
  expect((await many(...Array<string>(20).fill('a'))).commands).toBe(1 + 2 + 1 + 20 * 2);
});

test('a history is as long as it may be, however many messages come by one call', async () => {
  for (const count of [1, 2, HISTORY, HISTORY + 1, 60]) {
    await many(...Array<string>(count).fill(`a${count}`), ...Array<string>(count).fill(`a${count}`));
    expect(await server.admin.xlen(keysOf(`a${count}`)[0])).toBe(Math.min(2 * count, HISTORY));
  }
});

test('a message comes after what another server has written since', async () => {
  const offset = String((await publish('a')).answer);
  const [log, tail] = keysOf('a');
  const { ms } = parseOffset(offset);
  const other = formatOffset(ms + 1, 2 ** 21);
  await server.admin.xadd(log, other, 'd', '2', 'p', offset);
  await server.admin.set(tail, `${other} ${offset}`);
  await publish('a');
  expect((await newest('a')).previous).toBe(other);
  expect(await server.admin.get(tail)).toMatch(new RegExp(`^${(await newest('a')).offset} ${offset}`));
});

test('a message comes after all that the log holds where its tail was lost', async () => {
  const offset = String((await publish('a')).answer);
  const [log, tail] = keysOf('a');
  const { ms } = parseOffset(offset);
  const other = formatOffset(ms + 1, 2 ** 21);
  await server.admin.xadd(log, other, 'd', '2', 'p', offset);
  await server.admin.del(tail);
  await publish('a');
  expect((await newest('a')).previous).toBe(other);
});

test('a history goes on where its log was lost', async () => {
  const offset = String((await publish('a')).answer);
  const [log] = keysOf('a');
  await server.admin.del(log);
  await publish('a');
  expect((await newest('a')).previous).toBe(offset);
  expect(await server.admin.pttl(log)).toBeGreaterThan(0);
});

test('a history goes on behind its deletion', async () => {
  await publish('a');
  const [log, tail] = keysOf('a');
  const { answer } = await costOf(server.admin, 'erase', [log, tail, 'fanfare:{a}:forgot'], []);
  await publish('a');
  expect((await newest('a')).previous).toBe((answer as string[])[0]);
  expect(await server.admin.pttl(log)).toBeGreaterThan(0);
});

test('a log that cannot be written to is not taken for written, by the next message either', async () => {
  const offset = String((await publish('a')).answer);
  const [log, tail] = keysOf('a');
  await server.admin.rename(log, 'aside');
  await server.admin.set(log, 'no stream');
  await expect(publish('a')).rejects.toThrow('WRONGTYPE');
  const { answer } = await many('a', 'a', 'b');
  expect((answer as string[]).map((text) => text.slice(0, 9))).toEqual([
    'WRONGTYPE',
    'WRONGTYPE',
    expect.stringMatching(/^\d+$/),
  ]);
  await server.admin.rename('aside', log);
  expect(await server.admin.get(tail)).toMatch(`${offset} `);
  await publish('a');
  expect((await newest('a')).previous).toBe(offset);
});

test('a message comes after what somebody has put into the log alone, where its offset would not', async () => {
  const first = String((await publish('a')).answer);
  const [log] = keysOf('a');
  const { ms, seq } = parseOffset(first);
  const foreign = formatOffset(ms + 3_600_000, seq);
  await server.admin.xadd(log, foreign, 'foreign', 'x');
  const second = String((await publish('a')).answer);
  expect(second > foreign).toBe(true);
  expect((await newest('a')).previous).toBe(foreign);
  const foreignAgain = formatOffset(ms + 7_200_000, seq);
  await server.admin.xadd(log, foreignAgain, 'foreign', 'x');
  const { answer } = await many('a', 'a');
  expect((answer as string[]).every((offset) => offset > foreignAgain)).toBe(true);
  expect((await newest('a')).previous).toBe((answer as string[])[0]);
});

test.each([
  ['one by one', () => publish('a')],
  ['several at once', () => many('b', 'a', 'a')],
])('log and tail live on while their channel is written to, however often, %s', async (_, write) => {
  const [log, tail] = keysOf('a');
  const lives = async () => [await server.admin.pttl(log), await server.admin.pttl(tail)] as const;
  await write();
  await write();
  const [logMs, tailMs] = await lives();
  expect(logMs).toBeGreaterThan(TTL_MS);
  expect(tailMs).toBeGreaterThan(29 * DAY_MS);
  // As it is when time has passed: a second after they were given their lives, they are given them anew.
  await server.admin.pexpire(log, TTL_MS / 2);
  await server.admin.pexpire(tail, DAY_MS);
  await expect
    .poll(async () => {
      await write();
      const [ofLog, ofTail] = await lives();
      return ofLog > TTL_MS && ofTail > 29 * DAY_MS;
    })
    .toBe(true);
});

test('whoever has no right to write over a part of a tail publishes all the same', async () => {
  const [log, tail] = keysOf('a');
  await publish('a');
  const begin = (await server.admin.get(tail))?.slice(30);
  await server.admin.call('ACL', 'SETUSER', 'default', '-setrange');
  try {
    await server.admin.call('ACL', 'LOG', 'RESET');
    const offsets = [String((await publish('a')).answer)];
    expect(await server.admin.get(tail)).toBe(`${offsets[0]}${begin}`);
    const before = await server.admin.pttl(tail);
    for (let n = 0; n < 3; n++) offsets.push(...((await many('a', 'b', 'a')).answer as string[]));
    expect(await server.admin.get(tail)).toBe(`${offsets.at(-1)}${begin}`);
    expect(await server.admin.pttl(tail)).toBeLessThanOrEqual(before);
    expect((await newest('a')).offset).toBe(offsets.at(-1));
    // Redis keeps a list of what was refused: it is not filled with this.
    const refused = (await server.admin.call('ACL', 'LOG')) as unknown[][];
    expect(refused.map((entry) => entry[1])).toEqual([1]);
  } finally {
    await server.admin.call('ACL', 'SETUSER', 'default', '+@all');
  }
  expect(await server.admin.pttl(log)).toBeGreaterThan(TTL_MS);
});

test('a tail that somebody else has written the begin of is made good within a second', async () => {
  const [, tail] = keysOf('a');
  await publish('a');
  const begin = (await server.admin.get(tail))?.slice(30);
  await server.admin.set(tail, `${(await newest('a')).offset} and more`, 'KEEPTTL');
  await publish('a');
  expect((await server.admin.get(tail))?.slice(0, 30)).toBe((await newest('a')).offset);
  await expect
    .poll(async () => {
      await publish('a');
      return server.admin.get(tail);
    })
    .toMatch(new RegExp(`${begin}$`));
});

test('a log that was lost has a life at once, though its channel was given one just now', async () => {
  const [log] = keysOf('a');
  for (const write of [() => publish('a'), () => many('b', 'a', 'a')]) {
    await write();
    await server.admin.del(log);
    await write();
    expect(await server.admin.pttl(log)).toBeGreaterThan(TTL_MS);
  }
});

test('a channel that ends within a call ends for itself, and the next call finds its history', async () => {
  await many('a', 'b', 'c');
  const before = await newest('a');
  // Of the wrong type: the second of each is refused when it has its key looked up.
  await server.admin.lpush('fanfare:{a}:key:b:k', 'foreign');
  await server.admin.lpush('fanfare:{b}:key:b:k', 'foreign');
  const names = ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'b'];
  const keys = ['', '', 'k', 'k', 'k', '', '', ''];
  const { answer } = await costOf(server.admin, 'publish_many', names, [...names.map(() => '1'), ...keys]);
  const words = (answer as string[]).map((text) => text.split(' ')[0]?.replace(/^[\d-]+$/, 'stored'));
  const [stored, wrong] = ['stored', 'WRONGTYPE'];
  expect(words).toEqual([stored, stored, wrong, stored, wrong, wrong, stored, wrong]);
  expect(await newest('a')).toEqual({ offset: (answer as string[])[0], previous: before.offset });
  await publish('a');
  expect((await newest('a')).previous).toBe((answer as string[])[0]);
  expect(await server.admin.get(keysOf('c')[1])).toMatch(`${(answer as string[])[6]} `);
});

test('more channels than are remembered are served alike', async () => {
  const names = Array.from({ length: 5_000 }, (_, n) => `c${n}`);
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < names.length; at += 100) {
      const { answer } = await many(...names.slice(at, at + 100));
      expect((answer as string[]).every((text) => /^\d{13}-\d{16}$/.test(text))).toBe(true);
    }
  }
  expect(await server.admin.xlen(keysOf('c0')[0])).toBe(2);
  expect(await server.admin.xlen(keysOf('c4999')[0])).toBe(2);
});
