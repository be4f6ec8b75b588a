// What the memory broker bounds, and how its clock moves it.

import { describe, expect, test } from 'vitest';
import { createMemoryBroker, type MemoryBrokerOptions } from '../../../src/broker/memory/broker.js';
import { nextOffset } from '../../../src/broker/memory/log.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { formatOffset } from '../../../src/protocol/index.js';
import { RecordingListener } from '../../support/recording-listener.js';

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

  test('remembers a bounded number of channels, those with subscribers first', async () => {
    const { broker } = await start({ maxChannels: 3 });
    await broker.subscribe('kept');
    for (const channel of ['kept', 'a', 'b', 'c', 'd']) await broker.publish({ channel, data: '1' });
    const tails = await broker.tails(['kept', 'a', 'b', 'c', 'd']);
    expect(tails.map((tail) => tail !== undefined)).toEqual([true, false, false, true, true]);
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
