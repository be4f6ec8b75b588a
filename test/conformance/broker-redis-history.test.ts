// What the Redis broker makes of logs and tails that were lost, trimmed, forked or written by somebody else.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextOffset } from '../../src/broker/memory/log.js';
import { MINT_LUA } from '../../src/broker/redis/functions/mint-lua.js';
import { formatOffset, isOffset, parseOffset } from '../../src/protocol/index.js';
import { codeOf, dataOf, publishTo, readFrom, useRedisBroker, WHOLE_PAGE } from '../support/redis-broker.js';

const FUTURE_MS = 4_000_000_000_000;

const current = useRedisBroker();
const key = (kind: string) => `fanfare:{${current.channel}}:${kind}`;

describe('history', () => {
  test('is lost by FLUSHALL: readers are told, and publishing goes on', async () => {
    const before = await publishTo(current, '1');
    await current.server.admin.flushall();
    const page = await readFrom(current, before);
    expect(page).toMatchObject({ gap: 'lost', entries: [], start: page.tail });
    await publishTo(current, '2');
    expect(await readFrom(current, before)).toMatchObject({ gap: 'lost', start: page.tail });
    expect(dataOf(await readFrom(current, page.tail))).toEqual(['2']);
  });

  test('gives no offset twice, however soon it begins anew', async () => {
    const { channel, server, broker } = current;
    const offsets: string[] = [];
    for (let n = 0; n < 300; n++) {
      const [published] = await Promise.all([
        broker.publish({ channel, data: '1' }),
        server.admin.del(key('log'), key('tail')),
      ]);
      offsets.push(published, await broker.publish({ channel, data: '2' }));
      await server.admin.del(key('log'), key('tail'));
    }
    expect(new Set(offsets).size).toBe(offsets.length);
  });

  test('goes on where the tail is missing and the log is there', async () => {
    const first = await publishTo(current, '1');
    await current.server.admin.del(key('tail'));
    expect(await readFrom(current, first)).toMatchObject({ start: first, gap: undefined, tail: first });
    expect(await current.broker.tails([current.channel])).toEqual([undefined]);
    await publishTo(current, '2');
    const page = await readFrom(current, first);
    expect(page.gap).toBeUndefined();
    expect(dataOf(page)).toEqual(['2']);
    expect(page.entries[0]?.previous).toBe(first);
  });

  test('goes on where the log is missing and the tail is there', async () => {
    const first = await publishTo(current, '1');
    const second = await publishTo(current, '2');
    await current.server.admin.del(key('log'));
    expect(await readFrom(current, first)).toMatchObject({ start: second, gap: 'expired', entries: [] });
    await publishTo(current, '3');
    expect(dataOf(await readFrom(current, second))).toEqual(['3']);
    expect(await readFrom(current, first)).toMatchObject({ start: second, gap: 'trimmed' });
  });

  test('ends a page before a hole and begins the next after it with a gap', async () => {
    const offsets = [];
    for (let n = 0; n < 5; n++) offsets.push(await publishTo(current, String(n)));
    const [, second = '', third = ''] = offsets;
    await current.server.admin.xdel(key('log'), third);
    const page = await readFrom(current, '-1');
    expect(page.more).toBe(true);
    expect(dataOf(page)).toEqual(['0', '1']);
    const next = await readFrom(current, second);
    expect(next).toMatchObject({ start: third, gap: 'lost', more: false });
    expect(dataOf(next)).toEqual(['3', '4']);
  });

  test('tells a gap at its end when the newest entries were deleted', async () => {
    const first = await publishTo(current, '1');
    const second = await publishTo(current, '2');
    await current.server.admin.xdel(key('log'), second);
    const page = await readFrom(current, '-1');
    expect(dataOf(page)).toEqual(['1']);
    expect(page.more).toBe(true);
    expect(await readFrom(current, first)).toMatchObject({ start: second, gap: 'lost', entries: [], more: false });
  });

  test('skips entries that are not ours with a gap', async () => {
    const first = await publishTo(current, '1');
    await current.server.admin.xadd(key('log'), '*', 'foreign', 'x');
    const third = await publishTo(current, '3');
    const page = await readFrom(current, first);
    expect(page).toMatchObject({ gap: 'lost', tail: third });
    expect(dataOf(page)).toEqual(['3']);
  });

  test('drops a planted sender that is no JSON object, and normalises planted data', async () => {
    const start = (await readFrom(current, 'now')).tail;
    const id = formatOffset(FUTURE_MS, 1);
    await current.server.admin.xadd(key('log'), id, 'd', '1,"channel":"x"', 'p', start, 'u', '"},"x":{"');
    const page = await readFrom(current, start);
    expect(page.entries).toMatchObject([{ offset: id, from: undefined }]);
    expect(dataOf(page)).toEqual(['"1,\\"channel\\":\\"x\\""']);
  });

  test('with keys of another type fails for that channel alone, and names the keys in the log', async () => {
    await current.server.admin.set(key('log'), 'a string');
    expect(await codeOf(publishTo(current, '1'))).toBe('internal');
    expect(await codeOf(readFrom(current, '-1'))).toBe('internal');
    expect(JSON.stringify(current.logger.lines)).toContain(`fanfare:{${current.channel}}:*`);
    expect(isOffset(await current.broker.publish({ channel: `${current.channel}:well`, data: '1' }))).toBe(true);
  });

  test('continues after a split brain at the last entry that the same master made', async () => {
    const id = (ms: number, tag: number) => formatOffset(FUTURE_MS + ms, tag * 2 ** 20);
    const start = id(0, 1);
    const log = [id(1, 1), id(2, 1), id(5, 2), id(6, 2)];
    await current.server.admin.set(key('tail'), `${log.at(-1)} ${start} ${log[1]}`);
    for (const [n, entry] of log.entries()) {
      await current.server.admin.xadd(key('log'), entry, 'd', String(n), 'p', log[n - 1] ?? start);
    }
    // What the old master acknowledged alone, between and above what the new one made.
    expect(await readFrom(current, id(4, 1))).toMatchObject({ start: log[1], gap: 'rewritten' });
    expect(await readFrom(current, id(9, 1))).toMatchObject({ start: log[1], gap: 'rewritten' });
    expect(dataOf(await readFrom(current, id(9, 1)))).toEqual(['2', '3']);
    expect(await readFrom(current, id(9, 2))).toMatchObject({ start: log[3], gap: 'rewritten' });
    expect(await readFrom(current, id(9, 3))).toMatchObject({ start, gap: 'rewritten' });
  });

  test('remembers where each of the last eight masters ended, however many messages have been published since', async () => {
    const { admin } = current.server;
    const before = formatOffset(Date.now() - 60_000, 2 ** 20);
    const ends: string[] = [];
    for (let master = 1; master <= 10; master++) {
      // What a master that was promoted finds: the log and the tail of the one before.
      const last = formatOffset(parseOffset(ends.at(-1) ?? before).ms + 1, master * 2 ** 20);
      const [, begin = before, ...former] = ((await admin.get(key('tail'))) ?? '').split(' ');
      await admin.xadd(key('log'), last, 'd', String(master), 'p', ends.at(-1) ?? before);
      await admin.set(key('tail'), [last, begin, ...former].join(' '));
      ends.push(await publishTo(current, '"mine"'));
      expect((await admin.get(key('tail')))?.split(' ')[2]).toBe(last);
    }
    expect(await admin.get(key('tail'))).toHaveLength(61 + 8 * 31);
    expect(await current.broker.tails([current.channel])).toEqual([ends.at(-1)]);
  });

  test('makes ids above a tail that lies in the future', async () => {
    const planted = formatOffset(FUTURE_MS, 2 ** 52 + 7);
    await current.server.admin.set(key('tail'), `${planted} ${planted}`);
    const first = await publishTo(current, '1');
    const second = await publishTo(current, '2');
    expect(first.startsWith(String(FUTURE_MS + 1))).toBe(true);
    expect(second > first).toBe(true);
    expect(dataOf(await readFrom(current, planted))).toEqual(['1', '2']);
  });

  test('is numbered by the same rule as in memory', async () => {
    const script = `${MINT_LUA} tag = tonumber(ARGV[3]) return mint(ARGV[1], tonumber(ARGV[2]))`;
    const near = fc.integer({ min: -1, max: 1 });
    const counters = fc.constantFrom(0, 1, 1_023, 5_000, 2 ** 20 - 2, 2 ** 20 - 1);
    const tags = fc.nat(2 ** 32 - 2).map((tag) => tag + 1);
    await fc.assert(
      fc.asyncProperty(tags, counters, near, near, async (tag, counter, ms, otherTag) => {
        const previous = formatOffset(1_800_000_000_000, tag * 2 ** 20 + counter);
        const [now, mine] = [1_800_000_000_000 + ms, Math.min(tag + otherTag, 2 ** 32 - 1)];
        expect(await current.server.admin.eval(script, 0, previous, now, mine)).toBe(nextOffset(previous, now, mine));
      }),
      { numRuns: 300 },
    );
  });

  test('is numbered by the same rule by who remembers its last number', async () => {
    const script = `${MINT_LUA}
      tag = tonumber(ARGV[2])
      make_digits()
      local known, offsets = {}, { mint(ARGV[1], tonumber(ARGV[3])) }
      count_from(known, offsets[1])
      for at = 4, #ARGV do
        now, now_text = tonumber(ARGV[at]), ARGV[at]
        local offset = next_of(known, offsets[#offsets])
        -- What it keeps is that number, wherever it stands: the next one costs no more.
        if known.stem .. (THREE[known.digits] or '?') ~= string.sub(offset, 14) then return { 'nothing kept of ' .. offset } end
        offsets[#offsets + 1] = offset
      end
      return offsets`;
    const counters = fc.oneof(fc.nat(2 ** 20 - 1), fc.constantFrom(0, 1_022, 1_023, 2 ** 20 - 2));
    const tags = fc.nat(2 ** 32 - 2).map((tag) => tag + 1);
    // Runs of a millisecond, some longer than a stride, and a clock that now and then goes back.
    const runs = fc.array(fc.tuple(fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, 1, 2, 30, 700, 1_100)), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(tags, counters, runs, async (tag, counter, steps) => {
        const begin = 1_800_000_000_000;
        let now = begin;
        const moments = steps.flatMap(([step, length]) => {
          now += step;
          return Array<number>(length).fill(now);
        });
        const previous = formatOffset(begin, tag * 2 ** 20 + counter);
        const offsets = (await current.server.admin.eval(script, 0, previous, tag, begin, ...moments)) as string[];
        let last = previous;
        for (const [index, moment] of [begin, ...moments].entries()) {
          last = nextOffset(last, moment, tag);
          if (offsets[index] !== last) expect.fail(`${index}: ${offsets[index]} for ${last}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('makes ids above what a trimmed stream remembers', async () => {
    const last = await publishTo(current, '1');
    await current.server.admin.xdel(key('log'), last);
    await current.server.admin.del(key('tail'));
    expect((await publishTo(current, '2')) > last).toBe(true);
    expect(await readFrom(current, last)).toMatchObject({ start: last, gap: undefined });
  });

  test('expires: tails after 30 days, opened ones after 5 minutes unless watched', async () => {
    await readFrom(current, 'now');
    expect(await current.server.admin.pttl(key('tail'))).toBeLessThanOrEqual(300_000);
    await current.server.admin.pexpire(key('tail'), 60_000);
    await current.broker.tails([current.channel]);
    await expect.poll(() => current.server.admin.pttl(key('tail'))).toBeGreaterThan(250_000);
    await current.server.admin.pexpire(key('tail'), 60_000);
    await readFrom(current, 'now');
    await expect.poll(() => current.server.admin.pttl(key('tail'))).toBeGreaterThan(250_000);
    await publishTo(current, '1');
    expect(await current.server.admin.pttl(key('tail'))).toBeGreaterThan(29 * 86_400_000);
    expect(await current.server.admin.pttl(key('log'))).toBeGreaterThan(10 * 60_000);
  });

  test('is not shortened by who watches a tail that was published on meanwhile', async () => {
    const { tail } = await readFrom(current, 'now');
    await current.server.admin.set(key('tail'), `${tail} ${tail}`, 'PX', 30 * 86_400_000);
    await current.broker.tails([current.channel]);
    // Behind the renewal on the same connection.
    await publishTo({ ...current, channel: `${current.channel}:other` }, '1');
    expect(await current.server.admin.pttl(key('tail'))).toBeGreaterThan(29 * 86_400_000);
  });

  test('has an opened tail renewed at once for who comes to watch it again', async () => {
    const renewed = async () => {
      await current.server.admin.pexpire(key('tail'), 60_000);
      await current.broker.tails([current.channel]);
      await publishTo({ ...current, channel: `${current.channel}:other` }, '1');
      return (await current.server.admin.pttl(key('tail'))) > 60_000;
    };
    await readFrom(current, 'now');
    // Once a minute is enough.
    expect([await renewed(), await renewed()]).toEqual([true, false]);
    current.broker.unsubscribe(current.channel);
    expect(await renewed()).toBe(true);
  });

  test('is not begun by a read after `-1` that is not to open a channel', async () => {
    const { broker, channel, server } = current;
    const before = await server.admin.dbsize();
    const limit = { ...WHOLE_PAGE, opens: false };
    const nothing = { start: '-1', gap: undefined, entries: [], tail: '-1', more: false };
    expect(await broker.read(channel, '-1', limit)).toEqual(nothing);
    expect(await server.admin.dbsize()).toBe(before);
    // A position that is handed out has to be remembered, so that what comes after it is known to.
    const { tail } = await broker.read(channel, 'now', limit);
    expect(await server.admin.dbsize()).toBe(before + 1);
    expect((await broker.read(channel, '-1', limit)).start).toBe(tail);
    const offset = await publishTo(current, '1');
    expect(await broker.read(channel, tail, limit)).toMatchObject({ gap: undefined, entries: [{ offset }] });
  });
});
