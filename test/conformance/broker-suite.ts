// What every broker promises, for test files that make one.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, HistoryPage, PageLimit } from '../../src/broker/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FanfareError } from '../../src/lib/errors.js';
import { formatOffset, isOffset, parseOffset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';

/** Of the brokers that are made. */
export const namespaces = new Namespaces({ short: { historySize: 3 }, brief: { historyTtlMs: 1 } });
const ALL: PageLimit = { maxEntries: 1_000, maxBytes: 1024 * 1024 };

/** Registers the suite; `create` makes a broker for each test, which is closed after it. */
export function describeBroker(kind: string, create: () => Broker): void {
  describe(`the ${kind} broker`, () => {
    let broker: Broker;
    let listener: RecordingListener;
    /** A channel that no other test uses. */
    let channel: string;

    beforeEach(async () => {
      broker = create();
      listener = new RecordingListener();
      channel = `test:${randomUUID()}`;
      await broker.start(listener);
    });
    afterEach(() => broker?.close());

    const publish = (data: string, on = channel) => broker.publish({ channel: on, data });
    const read = (after: string, limit = ALL, of = channel) => broker.read(of, after, limit);
    const dataOf = (page: HistoryPage) => page.entries.map(({ data }) => String(data));
    const codeOf = (attempt: Promise<unknown>) =>
      attempt.then(
        () => 'no error',
        (error: unknown) => (error instanceof FanfareError ? error.code : String(error)),
      );

    test('delivers what is published to a subscribed channel, in order and chained by predecessors', async () => {
      await broker.subscribe(channel);
      const offsets = [await publish('{"n":1}'), await publish('{"n":2}'), await publish('{"n":3}')];
      await listener.until(() => listener.messages.length === 3);
      expect(listener.data(channel)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
      expect(listener.messages.map(({ offset }) => offset)).toEqual(offsets);
      expect(listener.messages.slice(1).map(({ previous }) => previous)).toEqual(offsets.slice(0, 2));
      expect(offsets.every(isOffset)).toBe(true);
      expect([...offsets].sort()).toEqual(offsets);
    });

    test('delivers nothing of channels that are not subscribed, or no more', async () => {
      await broker.subscribe(channel);
      await broker.subscribe(`${channel}:other`);
      broker.unsubscribe(channel);
      await publish('1');
      await publish('2', `${channel}:third`);
      await publish('3', `${channel}:other`);
      await listener.until(() => listener.data(`${channel}:other`).length === 1);
      expect(listener.messages.map(({ data }) => data)).toEqual(['3']);
    });

    test('is subscribed once the last of racing subscribes and unsubscribes was a subscribe', async () => {
      const first = broker.subscribe(channel).catch(() => {});
      broker.unsubscribe(channel);
      const second = broker.subscribe(channel);
      const third = broker.subscribe(channel);
      await Promise.all([first, second, third]);
      broker.unsubscribe(channel);
      await broker.subscribe(channel);
      await publish('"here"');
      await listener.until(() => listener.data(channel).length === 1);
      expect(listener.data(channel)).toEqual(['"here"']);
    });

    test('subscribes thousands of channels at once', async () => {
      const channels = Array.from({ length: 2_000 }, (_, n) => `${channel}:${n}`);
      await Promise.all(channels.map((name) => broker.subscribe(name)));
      await Promise.all(channels.map((name) => publish('1', name)));
      await listener.until(() => listener.messages.length === channels.length);
      expect(new Set(listener.messages.map((message) => message.channel)).size).toBe(channels.length);
    });

    test('delivers live messages without an offset and keeps none of them', async () => {
      await broker.subscribe(channel);
      await broker.publishLive(channel, '{"live":true}');
      await listener.until(() => listener.messages.length === 1);
      expect(listener.messages[0]).toMatchObject({ offset: undefined, previous: undefined, data: '{"live":true}' });
      expect((await read('-1')).entries).toEqual([]);
    });

    test('keeps the sender beside the data, live and in history', async () => {
      const from = '{"connection":"c1","user":"ann"}';
      await broker.subscribe(channel);
      await broker.publish({ channel, data: '"hi"', from });
      await listener.until(() => listener.messages.length === 1);
      expect(listener.messages[0]).toMatchObject({ data: '"hi"', from });
      const [entry] = (await read('-1')).entries;
      expect([String(entry?.data), String(entry?.from)]).toEqual(['"hi"', from]);
    });

    test('normalises payloads, live and in history', async () => {
      const injection = '1,"channel":"admin","data":2';
      await broker.subscribe(channel);
      await publish(injection);
      await broker.publishLive(channel, Buffer.from('\x011 not an envelope'));
      await publish('{\n"a":\r\n1}');
      await listener.until(() => listener.messages.length === 3);
      expect(listener.data(channel)).toEqual([JSON.stringify(injection), '"\\u00011 not an envelope"', '{"a":1}']);
      expect(dataOf(await read('-1'))).toEqual([JSON.stringify(injection), '{"a":1}']);
    });

    describe('idempotency keys', () => {
      test('store a publication once and answer with its offset again', async () => {
        const first = await broker.publish({ channel, data: '1', key: 'b:order-7' });
        const attempts = [1, 2, 3].map(() => broker.publish({ channel, data: '1', key: 'b:order-7' }));
        expect(await Promise.all(attempts)).toEqual([first, first, first]);
        expect(dataOf(await read('-1'))).toEqual(['1']);
      });

      test('refuse other data under the same key', async () => {
        await broker.publish({ channel, data: '1', key: 'b:k' });
        expect(await codeOf(broker.publish({ channel, data: '2', key: 'b:k' }))).toBe('idempotency_conflict');
      });

      test('are apart by scope and by channel', async () => {
        await broker.publish({ channel, data: '1', key: 'b:k' });
        await broker.publish({ channel, data: '2', key: 'u:ann:k' });
        await broker.publish({ channel: `${channel}:other`, data: '3', key: 'b:k' });
        expect(dataOf(await read('-1'))).toEqual(['1', '2']);
      });

      test('are refused without a scope', async () => {
        expect(await codeOf(broker.publish({ channel, data: '1', key: 'k' }))).toBe('bad_idempotency_key');
      });
    });

    test('refuses bad channel names and payloads over the limit, and keeps those at the limit', async () => {
      for (const bad of ['', 'a{b', '*', '..', ':x', 'x:', 'é', 'x'.repeat(201)]) {
        expect(await codeOf(publish('1', bad)), bad).toBe('bad_channel_name');
        expect(await codeOf(broker.subscribe(bad)), bad).toBe('bad_channel_name');
      }
      const most = `"${'é'.repeat(32 * 1024 - 1)}"`;
      expect(await codeOf(publish(`${most} `))).toBe('payload_too_large');
      await broker.subscribe(channel);
      await publish(most);
      await listener.until(() => listener.messages.length === 1);
      expect(listener.data(channel)).toEqual([most]);
    });

    test('refuses to read after what is no position', async () => {
      for (const bad of ['', '-2', '5', '1-1', '0'.repeat(30)]) expect(await codeOf(read(bad)), bad).toBe('bad_offset');
    });

    describe('reading', () => {
      test('gives an empty channel a position of its own, from which nothing is missed', async () => {
        const empty = await read('now');
        expect(empty).toMatchObject({ gap: undefined, entries: [], more: false, tail: empty.start });
        expect(isOffset(empty.start)).toBe(true);
        expect((await read('-1')).start).toBe(empty.start);
        await publish('1');
        const page = await read(empty.start);
        expect(page).toMatchObject({ start: empty.start, gap: undefined, more: false });
        expect(dataOf(page)).toEqual(['1']);
        expect(page.entries[0]?.previous).toBe(empty.start);
      });

      test('continues after any entry, with the chain unbroken', async () => {
        const offsets = [await publish('1'), await publish('2'), await publish('3')];
        const whole = await read('-1');
        expect(dataOf(whole)).toEqual(['1', '2', '3']);
        expect(whole.entries.map(({ offset }) => offset)).toEqual(offsets);
        expect(whole.entries.map(({ previous }) => previous)).toEqual([whole.start, ...offsets.slice(0, 2)]);
        expect(whole.tail).toBe(offsets[2]);
        for (const [n, offset] of offsets.entries()) {
          const rest = await read(offset);
          expect(rest).toMatchObject({ start: offset, gap: undefined, more: false });
          expect(dataOf(rest)).toEqual(['1', '2', '3'].slice(n + 1));
        }
        expect(await read('now')).toMatchObject({ start: offsets[2], entries: [] });
      });

      test('pages by count and by bytes, at least one entry each, and says whether more follows', async () => {
        for (let n = 0; n < 7; n++) await publish(JSON.stringify(`${n}`.repeat(100)));
        const seen: string[] = [];
        let page = await read('-1', { maxEntries: 3, maxBytes: 1e6 });
        const sizes = [page.entries.length];
        seen.push(...dataOf(page));
        while (page.more) {
          page = await read(page.entries.at(-1)?.offset ?? 'none', { maxEntries: 3, maxBytes: 1e6 });
          sizes.push(page.entries.length);
          seen.push(...dataOf(page));
        }
        expect(sizes).toEqual([3, 3, 1]);
        expect(seen.map((data) => data[1])).toEqual(['0', '1', '2', '3', '4', '5', '6']);
        expect((await read('-1', { maxEntries: 100, maxBytes: 1 })).entries).toHaveLength(1);
        expect((await read('-1', { maxEntries: 100, maxBytes: 103 })).entries).toHaveLength(2);
      });

      test('pages through a history of hundreds', async () => {
        const on = `short-no:${randomUUID()}`;
        await Promise.all(Array.from({ length: 100 }, (_, n) => publish(String(n), on)));
        const page = await read('-1', ALL, on);
        expect(dataOf(page).map(Number)).toEqual(Array.from({ length: 100 }, (_, n) => n));
        expect(page.more).toBe(false);
      });

      test('says trimmed below the first entry, and continues with what is left', async () => {
        const on = `short:${randomUUID()}`;
        const offsets: string[] = [];
        for (let n = 0; n < 6; n++) offsets.push(await publish(String(n), on));
        const [first = '', , third = ''] = offsets;
        const page = await read(first, ALL, on);
        expect(page).toMatchObject({ start: third, gap: 'trimmed' });
        expect(dataOf(page)).toEqual(['3', '4', '5']);
        expect(await read(third, ALL, on)).toMatchObject({ start: third, gap: undefined });
      });

      test('says expired when the log has aged away, and goes on at the tail', async () => {
        const on = `brief:${randomUUID()}`;
        const first = await publish('1', on);
        const tail = await publish('2', on);
        let page = await read(first, ALL, on);
        while (page.gap === undefined) page = await read(first, ALL, on);
        expect(page).toMatchObject({ start: tail, gap: 'expired', entries: [], tail, more: false });
        expect(await read(tail, ALL, on)).toMatchObject({ start: tail, gap: undefined });
        expect(await read('-1', ALL, on)).toMatchObject({ start: tail, gap: undefined, entries: [] });
      });

      test('says lost for a position from before this history began', async () => {
        const page = await read('1000000000000-0000000000000001');
        expect(page).toMatchObject({ gap: 'lost', start: page.tail, entries: [] });
      });

      test('says rewritten between entries and above the tail', async () => {
        const offsets = [await publish('1'), await publish('2'), await publish('3')];
        const [first = '', , third = ''] = offsets;
        const { ms, seq } = parseOffset(first);
        const between = formatOffset(ms, seq + 1_000);
        const kept = offsets.filter((offset) => offset <= between).at(-1);
        expect(await read(between)).toMatchObject({ start: kept, gap: 'rewritten' });
        const above = await read(`9${third.slice(1)}`);
        expect(above).toMatchObject({ start: third, gap: 'rewritten', entries: [], more: false });
        const otherMaster = await read('9000000000000-0000000000000001');
        expect(otherMaster).toMatchObject({ gap: 'rewritten' });
        expect(dataOf(otherMaster)).toEqual(['1', '2', '3']);
      });
    });

    test('tells the tails of many channels, in the order asked', async () => {
      const offset = await publish('1');
      const opened = await read('now', ALL, `${channel}:opened`);
      const names = [`${channel}:opened`, channel, `${channel}:never`];
      expect(await broker.tails(names)).toEqual([opened.tail, offset, undefined]);
    });

    test('makes offsets that strictly increase, however many fall into one millisecond', async () => {
      const offsets = await Promise.all(Array.from({ length: 500 }, (_, n) => publish(String(n))));
      expect(offsets).toEqual([...new Set(offsets)].sort());
    });

    test('reports its state, and rejects everything with broker_unavailable once closed', async () => {
      expect(broker.status()).toMatchObject({ ready: true });
      await broker.close();
      await broker.close();
      expect(broker.status()).toMatchObject({ ready: false, detail: 'closed' });
      const attempts = [publish('1'), broker.subscribe(channel), read('-1'), broker.tails([channel])];
      attempts.push(broker.publishLive(channel, '1'), broker.start(listener));
      expect(new Set(await Promise.all(attempts.map(codeOf)))).toEqual(new Set(['broker_unavailable']));
      broker.unsubscribe(channel);
    });
  });
}
