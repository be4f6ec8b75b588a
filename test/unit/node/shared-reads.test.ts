// One read of a log for all who ask for the same at the same time: each has what it would have had alone.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { HistoryPage, LogEntry, PageLimit } from '../../../src/broker/broker.js';
import { FanfareError } from '../../../src/lib/errors.js';
import { Turns } from '../../../src/lib/turns.js';
import { type LogRead, SharedReads } from '../../../src/node/channels/shared-reads.js';
import { type Begin, formatOffset } from '../../../src/protocol/index.js';

const at = (n: number) => formatOffset(1_700_000_000_000 + n, 0);
const entry = (n: number): LogEntry => {
  return { offset: at(n), previous: at(n - 1), data: Buffer.from('12345678'), from: undefined };
};
const LIMIT = { maxEntries: 256, maxBytes: 1_000_000 };
const soon = () => new Promise((resolve) => setImmediate(resolve));

// However busy the machine is.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A log of 20 entries of 8 bytes whose reads wait until they are let through. */
function bench(turns = { reads: new Turns(8), retries: new Turns(1) }) {
  const asked: (readonly [name: string, after: Begin, limit: PageLimit])[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const read = async (name: string, after: Begin, limit: PageLimit): Promise<HistoryPage> => {
    asked.push([name, after, limit]);
    await new Promise<void>((resolve, reject) => {
      waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    const bytes = Math.max(1, Math.ceil(limit.maxBytes / 8));
    const entries = Array.from({ length: Math.min(20, limit.maxEntries, bytes) }, (_, n) => entry(n + 1));
    return { start: at(0), gap: undefined, entries, tail: at(20), more: entries.length < 20 };
  };
  const shared = new SharedReads({ read }, turns);
  const ask = (fields: Partial<LogRead> = {}) =>
    shared.read({
      name: 'news',
      generation: 0,
      after: at(0),
      limit: LIMIT,
      isRetry: false,
      isOver: () => false,
      ...fields,
    });
  const answer = async (error?: Error) => {
    await soon();
    for (const settle of waiting.splice(0)) settle(error);
  };
  return { ask, asked, answer };
}

it('reads once for all who ask before the answer has come, and again for who asks then', async () => {
  const { ask, asked, answer } = bench();
  const first = Array.from({ length: 500 }, () => ask());
  await soon();
  const second = Array.from({ length: 500 }, () => ask());
  await answer();
  const pages = await Promise.all([...first, ...second]);
  expect(pages.every((page) => page?.entries.length === 20)).toBe(true);
  expect(asked).toHaveLength(1);
  const next = ask();
  await answer();
  await next;
  expect(asked).toHaveLength(2);
});

it('keeps apart what differs in channel, position or generation', async () => {
  const { ask, asked, answer } = bench();
  const differing: Partial<LogRead>[] = [
    {},
    { name: 'other' },
    { generation: 1 },
    { after: at(1) },
    { after: { last: 3 } },
    { after: { last: 4 } },
    { after: '-1' },
    { after: '-1', limit: { ...LIMIT, opens: false } },
  ];
  const all = differing.flatMap((fields) => [ask(fields), ask(fields)]);
  await answer();
  await Promise.all(all);
  expect(asked).toHaveLength(differing.length);
});

it('reads as much as the most that is asked for, and hands each no more than it asked for', async () => {
  const { ask, asked, answer } = bench();
  const limits = [
    { maxEntries: 3, maxBytes: 1_000 },
    { maxEntries: 20, maxBytes: 33 },
    { maxEntries: 12, maxBytes: 1_000 },
    { maxEntries: 1, maxBytes: 1 },
    { maxEntries: 20, maxBytes: 1_000 },
  ];
  const all = limits.map((limit) => ask({ limit }));
  await answer();
  const pages = await Promise.all(all);
  expect(asked.map(([, , limit]) => limit)).toEqual([{ maxEntries: 20, maxBytes: 1_000 }]);
  expect(pages.map((page) => [page?.entries.length, page?.more])).toEqual([
    [3, true],
    [5, true],
    [12, true],
    [1, true],
    [20, false],
  ]);
});

it('has who asks for more than what is under way brings read for himself', async () => {
  const { ask, asked, answer } = bench();
  const little = ask({ limit: { maxEntries: 2, maxBytes: 100 } });
  await soon();
  const much = ask();
  const alsoMuch = ask();
  await answer();
  expect((await little)?.entries).toHaveLength(2);
  expect((await much)?.entries).toHaveLength(20);
  expect((await alsoMuch)?.entries).toHaveLength(20);
  expect(asked).toHaveLength(2);
});

it('fails all who wait when the read fails, and reads again for who asks next', async () => {
  const { ask, asked, answer } = bench();
  const outcomes = Array.from({ length: 3 }, () => ask().catch((error: FanfareError) => error.code));
  await answer(new FanfareError('broker_unavailable', 'the test has taken it away'));
  expect(await Promise.all(outcomes)).toEqual(['broker_unavailable', 'broker_unavailable', 'broker_unavailable']);
  const next = ask();
  await answer();
  expect((await next)?.entries).toHaveLength(20);
  expect(asked).toHaveLength(2);
});

it('reads nothing for who left before his turn came, and goes on for who stayed', async () => {
  const { ask, asked, answer } = bench({ reads: new Turns(1), retries: new Turns(1) });
  const busy = ask({ name: 'busy' });
  await soon();
  const left = { isOver: false };
  const gone = [ask({ isOver: () => left.isOver }), ask({ isOver: () => left.isOver })];
  const mixed = [ask({ name: 'mixed', isOver: () => left.isOver }), ask({ name: 'mixed' })];
  left.isOver = true;
  await answer();
  await busy;
  await answer();
  expect(await Promise.all(gone)).toEqual([undefined, undefined]);
  const [nothing, page] = await Promise.all(mixed);
  expect([nothing, page?.entries.length]).toEqual([undefined, 20]);
  expect(asked.map(([name]) => name)).toEqual(['busy', 'mixed']);
});

it('joins no read that was sent long ago', async () => {
  const { ask, asked, answer } = bench();
  const first = ask();
  await soon();
  vi.advanceTimersByTime(251);
  const second = ask();
  await answer();
  await Promise.all([first, second]);
  expect(asked).toHaveLength(2);
});

it('lets few be in flight that have failed before, and nobody else wait behind them', async () => {
  const { ask, asked, answer } = bench();
  const retries = ['a', 'b', 'c'].map((name) => ask({ name, isRetry: true }));
  const fresh = ask({ name: 'fresh' });
  await soon();
  expect(asked.map(([name]) => name)).toEqual(['a', 'fresh']);
  for (let n = 0; n < 3; n++) await answer();
  await Promise.all([...retries, fresh]);
});
