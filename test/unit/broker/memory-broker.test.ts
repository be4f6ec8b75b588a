// What the memory broker bounds, and how its clock moves it.

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createMemoryBroker, type MemoryBrokerOptions } from '../../../src/broker/memory/broker.js';
import { nextOffset } from '../../../src/broker/memory/log.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { formatOffset } from '../../../src/protocol/index.js';
import { RecordingListener } from '../../support/recording-listener.js';

/** Counts what is taken out of iterators over maps while `work` runs. */
async function stepsOfMaps(work: () => Promise<void>): Promise<number> {
  const iterator = Object.getPrototypeOf(new Map().keys());
  const { next } = iterator;
  let steps = 0;
  iterator.next = function (this: unknown) {
    steps++;
    return next.call(this);
  };
  try {
    await work();
  } finally {
    iterator.next = next;
  }
  return steps;
}

const ALL = { maxEntries: 1_000, maxBytes: 1024 * 1024 };

async function start(options: Partial<MemoryBrokerOptions> = {}) {
  const time = { ms: 1_800_000_000_000 };
  const broker = createMemoryBroker({ namespaces: new Namespaces(), clock: () => time.ms, ...options });
  const listener = new RecordingListener();
  await broker.start(listener);
  return { broker, listener, time };
}

describe('the memory broker', () => {
  test('has delivered a message before publish resolves', async () => {
    const { broker, listener } = await start();
    await broker.subscribe('news');
    await broker.publish({ channel: 'news', data: '1' });
    expect(listener.data('news')).toEqual(['1']);
    await broker.close();
  });

  test('does not deliver within publish itself', async () => {
    const { broker, listener } = await start();
    await broker.subscribe('news');
    const published = broker.publish({ channel: 'news', data: '1' });
    expect(listener.messages).toEqual([]);
    await published;
    await broker.close();
  });

  test('forgets an idempotency key after ten minutes', async () => {
    const { broker, time } = await start();
    const first = await broker.publish({ channel: 'news', data: '1', key: 'b:k' });
    time.ms += 10 * 60_000 - 1;
    expect(await broker.publish({ channel: 'news', data: '1', key: 'b:k' })).toBe(first);
    time.ms += 1;
    expect(await broker.publish({ channel: 'news', data: '1', key: 'b:k' })).not.toBe(first);
    await broker.close();
  });

  test('ages entries out of history and says expired', async () => {
    const { broker, time } = await start();
    const first = await broker.publish({ channel: 'news', data: '1' });
    const second = await broker.publish({ channel: 'news', data: '2' });
    time.ms += 10 * 60_000 + 1;
    expect(await broker.read('news', first, ALL)).toMatchObject({ gap: 'expired', start: second, entries: [] });
    expect(await broker.read('news', second, ALL)).toMatchObject({ gap: undefined });
    await broker.close();
  });

  test('makes increasing offsets while the clock goes back', async () => {
    const { broker, time } = await start();
    const offsets = [];
    for (let n = 0; n < 5; n++) {
      offsets.push(await broker.publish({ channel: 'news', data: '1' }));
      time.ms -= 1_000;
    }
    expect(offsets).toEqual([...new Set(offsets)].sort());
    await broker.close();
  });

  test('drops the oldest history of the least recently used channels beyond its memory', async () => {
    const { broker } = await start({ maxHistoryBytes: 45_000 });
    const data = JSON.stringify('x'.repeat(9_000));
    for (let n = 0; n < 10; n++) await broker.publish({ channel: `room:${n}`, data });
    const kept = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => (await broker.read(`room:${n}`, '-1', ALL)).entries.length),
    );
    expect(kept).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    await broker.close();
  });

  test('remembers a bounded number of channels that nobody is subscribed to, and all others', async () => {
    const { broker } = await start({ maxChannels: 2 });
    await broker.subscribe('kept');
    for (const channel of ['kept', 'a', 'b', 'c', 'd']) await broker.publish({ channel, data: '1' });
    const known = async () => {
      const tails = await broker.tails(['kept', 'a', 'b', 'c', 'd']);
      return tails.map((tail) => tail !== undefined);
    };
    expect(await known()).toEqual([true, false, false, true, true]);
    broker.unsubscribe('kept');
    expect(await known()).toEqual([true, false, false, false, true]);
    await broker.close();
  });

  test('refuses one subscription more than it may have, and takes it when another is gone', async () => {
    const { broker } = await start({ maxSubscribed: 2 });
    for (const channel of ['a', 'b', 'a']) await broker.subscribe(channel);
    await expect(broker.subscribe('c')).rejects.toMatchObject({ code: 'storage_full' });
    broker.unsubscribe('a');
    await broker.subscribe('c');
    await broker.close();
  });

  test('forgets no history because of reads of channels that do not exist', async () => {
    const { broker } = await start({ maxChannels: 3 });
    const offset = await broker.publish({ channel: 'news', data: '1' });
    for (let n = 0; n < 50; n++) await broker.read(`made-up:${n}`, 'now', ALL);
    expect(await broker.read('news', '-1', ALL)).toMatchObject({ entries: [{ offset }], gap: undefined });
    const tails = await broker.tails(Array.from({ length: 50 }, (_, n) => `made-up:${n}`));
    expect(tails.filter((tail) => tail !== undefined)).toHaveLength(3);
    await broker.close();
  });

  test('keeps nothing of a read after `-1` that is not to open a channel', async () => {
    const { broker } = await start();
    const page = await broker.read('made-up', '-1', { ...ALL, opens: false });
    expect(page).toEqual({ start: '-1', gap: undefined, entries: [], tail: '-1', more: false });
    expect(await broker.tails(['made-up'])).toEqual([undefined]);
    const offset = await broker.publish({ channel: 'made-up', data: '1' });
    expect(await broker.read('made-up', '-1', { ...ALL, opens: false })).toMatchObject({ entries: [{ offset }] });
    await broker.close();
  });

  test('keeps what was only read for minutes, and what was published on for an hour', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { broker, time } = await start();
    await broker.subscribe('watched');
    for (const channel of ['watched', 'read']) await broker.read(channel, 'now', ALL);
    await broker.publish({ channel: 'written', data: '1' });
    const known = async (afterMs: number) => {
      time.ms += afterMs;
      vi.advanceTimersByTime(60_000);
      const tails = await broker.tails(['watched', 'read', 'written']);
      return tails.map((tail) => tail !== undefined);
    };
    expect(await known(4 * 60_000)).toEqual([true, true, true]);
    expect(await known(60_000)).toEqual([true, false, true]);
    expect(await known(60 * 60_000)).toEqual([true, false, false]);
    await broker.close();
  });

  test('takes as many steps for a publish however many channels are subscribed', async () => {
    const { broker } = await start({ maxChannels: 10 });
    const subscribed = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        await broker.subscribe(`user:${n}`);
        await broker.read(`user:${n}`, 'now', ALL);
      }
    };
    let round = 0;
    const steps = () =>
      stepsOfMaps(async () => {
        round++;
        await broker.publish({ channel: `user:${round}`, data: '1' });
        await broker.publish({ channel: `elsewhere:${round}`, data: '1' });
        await broker.read(`made-up:${round}`, 'now', ALL);
      });
    await subscribed(0, 100);
    for (let n = 0; n < 20; n++) await steps();
    const few = await steps();
    await subscribed(100, 5_000);
    expect(await steps()).toBe(few);
    await broker.close();
  });

  test('copies what it keeps: a publisher may reuse its buffer', async () => {
    const { broker } = await start();
    const data = Buffer.from('"first"');
    await broker.publish({ channel: 'news', data });
    data.fill('x');
    expect(String((await broker.read('news', '-1', ALL)).entries[0]?.data)).toBe('"first"');
    await broker.close();
  });
});

describe('nextOffset', () => {
  const TAG = 2 ** 20;
  test.each([
    ['counts within a millisecond', [5, 7 * TAG], 5, 7, [5, 7 * TAG + 1]],
    ['begins a later millisecond where its history counts from', [5, 7 * TAG + 2051], 6, 7, [6, 7 * TAG + 2048]],
    ['moves on when the counter is full', [5, 8 * TAG - 1], 5, 7, [6, 8 * TAG - 1024]],
    ['stays in the millisecond with a higher tag', [5, 7 * TAG + 3], 5, 8, [5, 8 * TAG]],
    ['moves on with a lower tag', [5, 7 * TAG + 3], 5, 6, [6, 6 * TAG]],
    ['moves on when the clock goes back', [5, 7 * TAG + 3], 4, 7, [6, 7 * TAG]],
  ] as const)('%s', (_, [ms, seq], nowMs, tag, [nextMs, nextSeq]) => {
    expect(nextOffset(formatOffset(ms, seq), nowMs, tag)).toBe(formatOffset(nextMs, nextSeq));
  });
});
