// What the Redis broker does when Redis, its data or its bus are not as they should be.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, HistoryPage } from '../../src/broker/broker.js';
import { encodeEnvelope } from '../../src/broker/envelope.js';
import { MINT_LUA } from '../../src/broker/fanfare-lua.js';
import { nextOffset } from '../../src/broker/memory-log.js';
import { createRedisBroker } from '../../src/broker/redis-broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FanfareError } from '../../src/lib/errors.js';
import { formatOffset, isOffset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const namespaces = new Namespaces();
const ALL = { maxEntries: 1_000, maxBytes: 1024 * 1024 };
const FUTURE_MS = 4_000_000_000_000;

let server: RedisServer;
let broker: Broker;
let listener: RecordingListener;
let logger: RecordingLogger;
/** A channel that no other test uses. */
let channel: string;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  ({ broker, listener, logger } = await connect());
  channel = `test:${randomUUID()}`;
});
afterEach(() => broker.close());

async function connect() {
  const made = { listener: new RecordingListener(), logger: new RecordingLogger() };
  const opened = createRedisBroker({ url: server.url, prefix: 'fanfare', namespaces, logger: made.logger });
  await opened.start(made.listener);
  return { ...made, broker: opened };
}

const busName = () => `fanfare:{${channel}}`;
const key = (kind: string) => `fanfare:{${channel}}:${kind}`;
const publish = (data: string) => broker.publish({ channel, data });
const read = (after: string) => broker.read(channel, after, ALL);
const dataOf = (page: HistoryPage) => page.entries.map(({ data }) => String(data));
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'no error',
    (error: unknown) => (error instanceof FanfareError ? error.code : String(error)),
  );

describe('a publisher with a plain Redis client', () => {
  test('reaches subscribers by PUBLISH and by FCALL', async () => {
    await broker.subscribe(channel);
    await server.admin.publish(busName(), '{"live":1}');
    const offset = await server.admin.call('FCALL', 'fanfare_publish', 1, channel, '{"logged":1}');
    await listener.until(() => listener.messages.length === 2);
    expect(listener.messages.map((message) => [message.offset, message.data])).toEqual([
      [undefined, '{"live":1}'],
      [offset, '{"logged":1}'],
    ]);
  });

  test('shares idempotency keys of scope b with the declared form', async () => {
    const offset = await server.admin.call('FCALL', 'fanfare_publish', 1, channel, '1', 'order-7');
    expect(await broker.publish({ channel, data: '1', key: 'b:order-7' })).toBe(offset);
  });

  test.each([
    ['a bad name', ['1', 'a{b', '1'], /^BADCHANNEL/],
    ['a bad key', ['1', 'news', '1', 'ключ'], /^BADKEY/],
    ['an empty key', ['1', 'news', '1', ''], /^BADKEY/],
    ['no data', ['1', 'news'], /^BADARGS/],
    ['too much data', ['1', 'news', 'x'.repeat(65_537)], /^TOOLARGE/],
    ['keys of two channels', ['2', 'fanfare:{a}:log', 'fanfare:{b}:tail', '1'], /^BADCHANNEL/],
    ['keys of the cluster', ['2', 'fanfare:{!cluster}:log', 'fanfare:{!cluster}:tail', '1'], /^BADCHANNEL/],
    ["another channel's key", ['3', 'fanfare:{a}:log', 'fanfare:{a}:tail', 'fanfare:{b}:key:b:k', '1'], /^BADKEY/],
  ])('is refused with %s', async (_, args, expected) => {
    await expect(server.admin.call('FCALL', 'fanfare_publish', ...args)).rejects.toThrow(expected);
  });
});

describe('the bus', () => {
  test('carries anything as a live message, normalised, and reports what it cannot use', async () => {
    await broker.subscribe(channel);
    const [one, two] = [formatOffset(1_800_000_000_000, 1), formatOffset(1_800_000_000_000, 2)];
    const good = encodeEnvelope(two, one, Buffer.from('1'));
    const wrongVersion = Buffer.from(good);
    wrongVersion[1] = 0x32;
    const garbage = [
      Buffer.from('plain text'),
      Buffer.from('NaN'),
      Buffer.from([0x22, 0xff, 0x22]),
      Buffer.from(''),
      Buffer.from([1]),
      good.subarray(0, 40),
      wrongVersion,
      encodeEnvelope(one, two, Buffer.from('1')),
      encodeEnvelope('x'.repeat(30), one, Buffer.from('1')),
      encodeEnvelope(two, one, Buffer.from('1'), Buffer.from('"not an object"')),
      Buffer.alloc(10 * 1024 * 1024, 'x'),
    ];
    for (const payload of garbage) await server.admin.publish(busName(), payload);
    await server.admin.publish(busName(), good);
    await listener.until(() => listener.messages.length === 5);
    expect(listener.data(channel)).toEqual(['"plain text"', '"NaN"', '"\\"\ufffd\\""', '""', '1']);
    expect(listener.damages.map((damage) => damage.channel)).toEqual(Array.from({ length: 7 }, () => channel));
  });

  test('is subscribed again after the connection was killed, and the channels are named', async () => {
    const channels = Array.from({ length: 1_200 }, (_, n) => `${channel}:${n}`);
    await Promise.all(channels.map((name) => broker.subscribe(name)));
    const gone = channels.pop() ?? '';
    broker.unsubscribe(gone);
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await listener.until(() => listener.resubscriptions.length === channels.length);
    expect([...listener.resubscriptions].sort()).toEqual([...channels].sort());
    await Promise.all([...channels, gone].map((name) => broker.publish({ channel: name, data: '1' })));
    await listener.until(() => listener.messages.length === channels.length);
    expect(listener.data(gone)).toEqual([]);
  });

  test('keeps a listener that throws from ending the process', async () => {
    const throwing = new RecordingListener();
    const received: string[] = [];
    throwing.message = (_, { data }) => {
      received.push(String(data));
      if (received.length === 2) throwing.damaged('', 'done');
      throw new Error('from the listener');
    };
    const other = createRedisBroker({ url: server.url, prefix: 'fanfare', namespaces, logger });
    await other.start(throwing);
    await other.subscribe(channel);
    await publish('1');
    await publish('2');
    await throwing.until(() => received.length === 2);
    await other.close();
    expect(logger.texts('error')).toContain('a message from the bus could not be handed on');
  });
});

describe('the function library', () => {
  test('is loaded again when Redis has lost it', async () => {
    await server.admin.call('FUNCTION', 'FLUSH');
    expect(isOffset(await publish('1'))).toBe(true);
    await server.admin.call('FUNCTION', 'FLUSH');
    expect(dataOf(await read('-1'))).toEqual(['1']);
  });

  test('is followed, loudly, when another node loaded it with other limits', async () => {
    const other = new RecordingLogger();
    const differing = createRedisBroker({
      url: server.url,
      prefix: 'fanfare',
      namespaces: new Namespaces({ default: { historySize: 1 } }),
      logger: other,
    });
    await differing.start(new RecordingListener());
    await publish('1');
    await publish('2');
    expect((await differing.read(channel, '-1', ALL)).entries).toHaveLength(2);
    await differing.close();
    expect(other.texts('warn').join()).toContain('history limits differ');
  });

  test('replaces an older one and leaves a newer one', async () => {
    const list = async () => {
      const answer = await server.admin.call('FCALL', 'upgraded_version', 0);
      return Array.isArray(answer) ? Number(answer[0]) : undefined;
    };
    const plant = (revision: number) =>
      server.admin.call(
        'FUNCTION',
        'LOAD',
        'REPLACE',
        `#!lua name=upgraded\nredis.register_function{function_name='upgraded_version',callback=function() return {${revision},'x'} end,flags={'no-writes'}}`,
      );
    const start = async () => {
      const node = createRedisBroker({ url: server.url, prefix: 'upgraded', namespaces, logger });
      await node.start(new RecordingListener());
      await node.close();
    };
    await plant(0);
    await start();
    expect(await list()).toBeGreaterThan(0);
    await plant(1_000_000);
    await start();
    expect(await list()).toBe(1_000_000);
  });
});

describe('history', () => {
  test('is lost by FLUSHALL: readers are told, and publishing goes on', async () => {
    const before = await publish('1');
    await server.admin.flushall();
    const page = await read(before);
    expect(page).toMatchObject({ gap: 'lost', entries: [], start: page.tail });
    await publish('2');
    expect(await read(before)).toMatchObject({ gap: 'lost', start: page.tail });
    expect(dataOf(await read(page.tail))).toEqual(['2']);
  });

  test('goes on where the tail is missing and the log is there', async () => {
    const first = await publish('1');
    await server.admin.del(key('tail'));
    expect(await read(first)).toMatchObject({ start: first, gap: undefined, tail: first });
    expect(await broker.tails([channel])).toEqual([undefined]);
    await publish('2');
    const page = await read(first);
    expect(page.gap).toBeUndefined();
    expect(dataOf(page)).toEqual(['2']);
    expect(page.entries[0]?.previous).toBe(first);
  });

  test('goes on where the log is missing and the tail is there', async () => {
    const first = await publish('1');
    const second = await publish('2');
    await server.admin.del(key('log'));
    expect(await read(first)).toMatchObject({ start: second, gap: 'expired', entries: [] });
    await publish('3');
    expect(dataOf(await read(second))).toEqual(['3']);
    expect(await read(first)).toMatchObject({ start: second, gap: 'trimmed' });
  });

  test('ends a page before a hole and begins the next after it with a gap', async () => {
    const offsets = [];
    for (let n = 0; n < 5; n++) offsets.push(await publish(String(n)));
    const [, second = '', third = ''] = offsets;
    await server.admin.xdel(key('log'), third);
    const page = await read('-1');
    expect(page.more).toBe(true);
    expect(dataOf(page)).toEqual(['0', '1']);
    const next = await read(second);
    expect(next).toMatchObject({ start: third, gap: 'lost', more: false });
    expect(dataOf(next)).toEqual(['3', '4']);
  });

  test('tells a gap at its end when the newest entries were deleted', async () => {
    const first = await publish('1');
    const second = await publish('2');
    await server.admin.xdel(key('log'), second);
    const page = await read('-1');
    expect(dataOf(page)).toEqual(['1']);
    expect(page.more).toBe(true);
    expect(await read(first)).toMatchObject({ start: second, gap: 'lost', entries: [], more: false });
  });

  test('skips entries that are not ours with a gap', async () => {
    const first = await publish('1');
    await server.admin.xadd(key('log'), '*', 'foreign', 'x');
    const third = await publish('3');
    const page = await read(first);
    expect(page).toMatchObject({ gap: 'lost', tail: third });
    expect(dataOf(page)).toEqual(['3']);
  });

  test('drops a planted sender that is no JSON object, and normalises planted data', async () => {
    const start = (await read('now')).tail;
    const id = formatOffset(FUTURE_MS, 1);
    await server.admin.xadd(key('log'), id, 'd', '1,"channel":"x"', 'p', start, 'u', '"},"x":{"');
    const page = await read(start);
    expect(page.entries).toMatchObject([{ offset: id, from: undefined }]);
    expect(dataOf(page)).toEqual(['"1,\\"channel\\":\\"x\\""']);
  });

  test('with keys of another type fails for that channel alone, and names the keys in the log', async () => {
    await server.admin.set(key('log'), 'a string');
    expect(await codeOf(publish('1'))).toBe('internal');
    expect(await codeOf(read('-1'))).toBe('internal');
    expect(JSON.stringify(logger.lines)).toContain(`fanfare:{${channel}}:*`);
    expect(isOffset(await broker.publish({ channel: `${channel}:well`, data: '1' }))).toBe(true);
  });

  test('continues after a split brain at the last entry that the same master made', async () => {
    const id = (ms: number, tag: number) => formatOffset(FUTURE_MS + ms, tag * 2 ** 20);
    const start = id(0, 1);
    const log = [id(1, 1), id(2, 1), id(5, 2), id(6, 2)];
    await server.admin.set(key('tail'), `${log.at(-1)} ${start}`);
    for (const [n, entry] of log.entries()) {
      await server.admin.xadd(key('log'), entry, 'd', String(n), 'p', log[n - 1] ?? start);
    }
    // What the old master acknowledged alone, between and above what the new one made.
    expect(await read(id(4, 1))).toMatchObject({ start: log[1], gap: 'rewritten' });
    expect(await read(id(9, 1))).toMatchObject({ start: log[1], gap: 'rewritten' });
    expect(dataOf(await read(id(9, 1)))).toEqual(['2', '3']);
    expect(await read(id(9, 2))).toMatchObject({ start: log[3], gap: 'rewritten' });
    expect(await read(id(9, 3))).toMatchObject({ start, gap: 'rewritten' });
  });

  test('makes ids above a tail that lies in the future', async () => {
    const planted = formatOffset(FUTURE_MS, 2 ** 52 + 7);
    await server.admin.set(key('tail'), `${planted} ${planted}`);
    const first = await publish('1');
    const second = await publish('2');
    expect(first.startsWith(String(FUTURE_MS + 1))).toBe(true);
    expect(second > first).toBe(true);
    expect(dataOf(await read(planted))).toEqual(['1', '2']);
  });

  test('is numbered by the same rule as in memory', async () => {
    const script = `${MINT_LUA} tag = tonumber(ARGV[3]) return mint(ARGV[1], tonumber(ARGV[2]))`;
    const near = fc.integer({ min: -1, max: 1 });
    const counters = fc.constantFrom(0, 1, 2 ** 20 - 2, 2 ** 20 - 1);
    const tags = fc.nat(2 ** 32 - 2).map((tag) => tag + 1);
    await fc.assert(
      fc.asyncProperty(tags, counters, near, near, async (tag, counter, ms, otherTag) => {
        const previous = formatOffset(1_800_000_000_000, tag * 2 ** 20 + counter);
        const [now, mine] = [1_800_000_000_000 + ms, Math.min(tag + otherTag, 2 ** 32 - 1)];
        expect(await server.admin.eval(script, 0, previous, now, mine)).toBe(nextOffset(previous, now, mine));
      }),
      { numRuns: 300 },
    );
  });

  test('makes ids above what a trimmed stream remembers', async () => {
    const last = await publish('1');
    await server.admin.xdel(key('log'), last);
    await server.admin.del(key('tail'));
    expect((await publish('2')) > last).toBe(true);
    expect(await read(last)).toMatchObject({ start: last, gap: undefined });
  });

  test('expires: tails after 30 days, opened ones after an hour unless watched', async () => {
    await read('now');
    await server.admin.pexpire(key('tail'), 60_000);
    await broker.tails([channel]);
    await expect.poll(() => server.admin.pttl(key('tail'))).toBeGreaterThan(3_500_000);
    await server.admin.pexpire(key('tail'), 60_000);
    await read('now');
    await expect.poll(() => server.admin.pttl(key('tail'))).toBeGreaterThan(3_500_000);
    await publish('1');
    expect(await server.admin.pttl(key('tail'))).toBeGreaterThan(29 * 86_400_000);
    expect(await server.admin.pttl(key('log'))).toBeGreaterThan(10 * 60_000);
  });
});
