// What polls answer when the broker is away or behind, and what they cost.

import { afterEach, describe, expect, it } from 'vitest';
import type { HistoryPage } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { createFaultyBroker, type FaultyBroker } from '../support/faulty-broker.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

interface Answered {
  readonly channels: Readonly<
    Record<string, { offset: string; messages: { data: unknown; offset?: string }[]; gap?: object; more?: boolean }>
  >;
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

describe.each(['uws', 'ws'] as const)('polls on the %s engine', (engine) => {
  let node: TestNode;
  let broker: FaultyBroker;
  afterEach(() => node?.close());

  async function start(setup: Partial<TestNodeSetup> = {}): Promise<void> {
    broker = createFaultyBroker();
    node = await startNode({ engine, broker, ...setup });
  }

  const publish = (channel: string, data: string) => broker.healthy.publish({ channel, data });

  function poll(
    channels: Record<string, string>,
    waitMs: number,
    ticket = node.ticket(),
    more: object = {},
  ): Promise<Response> {
    return fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels, waitMs, ...more }),
    });
  }

  async function answer(channels: Record<string, string>, waitMs: number, ticket?: string): Promise<Answered> {
    const response = await poll(channels, waitMs, ticket);
    expect(response.status).toBe(200);
    return (await response.json()) as Answered;
  }

  /** Opens the channel at the node; its position. */
  const open = async (channel: string) => (await answer({ [channel]: 'now' }, 1_000)).channels[channel]?.offset ?? '';

  const waiting = async (count: number) => {
    while (node.node.stats().waitingPolls !== count) await soon();
    await soon();
  };

  it('answers what is in memory at once though another channel cannot be opened, while the broker is away', async () => {
    await start();
    const position = await open('a');
    const offset = await publish('a', '1');
    broker.away = true;
    const { channels } = await answer({ a: position, b: 'now' }, 30_000);
    expect(channels).toEqual({ a: { offset, messages: [{ offset, data: 1 }] } });
  });

  it.each([0, 30_000])(
    'answers nothing that was deleted while another channel was read: waits %d ms',
    async (waitMs) => {
      const healthy = createMemoryBroker({ namespaces: new Namespaces({ default: { historySize: 1_000 } }) });
      broker = createFaultyBroker(undefined, healthy);
      node = await startNode({ engine, broker });
      await publish('b', '0');
      const [a] = [await open('a'), await open('b')];
      await publish('a', '"deleted"');
      let go: () => void = () => {};
      const isRead = new Promise<void>((resolve) => {
        broker.beforeRead = (channel) => {
          if (channel !== 'b') return undefined;
          resolve();
          return new Promise((on) => {
            go = on;
          });
        };
      });
      const answered = answer({ a, b: '-1' }, waitMs);
      await isRead;
      await healthy.eraser.erase('a');
      while ((await broker.healthy.read('a', '-1', { maxEntries: 1, maxBytes: 1 })).entries.length > 0) await soon();
      go();
      const { channels } = await answered;
      expect(channels.a?.messages ?? []).toEqual([]);
      expect(channels.b?.messages).toMatchObject([{ data: 0 }]);
    },
  );

  it('answers what is in memory though another channel cannot be read, while the broker is away', async () => {
    await start();
    const old = await publish('b', '0');
    const [a] = [await open('a'), await open('b')];
    const offset = await publish('a', '1');
    broker.away = true;
    // An offset that only the log could judge.
    const strange = `${old.slice(0, -1)}${old.endsWith('9') ? '8' : '9'}`;
    const { channels } = await answer({ a, b: strange }, 0);
    expect(channels).toEqual({ a: { offset, messages: [{ offset, data: 1 }] } });
    const refused = await poll({ b: strange }, 30_000);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'broker_unavailable' });
  });

  it('answers 503 when the wait ends and a channel could not be opened, and 204 when all are known', async () => {
    await start();
    const a = await open('a');
    broker.away = true;
    expect((await poll({ a, b: 'now' }, 60)).status).toBe(503);
    expect((await poll({ a }, 60)).status).toBe(204);
  });

  it('is answered by the return of the broker', async () => {
    await start();
    broker.away = true;
    const held = answer({ b: 'now' }, 30_000);
    await waiting(1);
    broker.away = false;
    expect((await held).channels.b?.offset).toMatch(/^\d{13}-/);
  });

  it('tells a gap that was announced while the log of another channel was read', async () => {
    await start();
    const a = await open('a');
    await open('b');
    broker.bus = (channel, message, deliver) => channel === 'a' && deliver(channel, message);
    const b = await publish('b', '1');
    let release = () => {};
    broker.beforeRead = (channel) => {
      if (channel !== 'b') return undefined;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    const polled = answer({ a, b }, 30_000);
    await waiting(1);
    // A failover: what the log of `a` holds now sorts below what was lost.
    const lower = '1000000000000-0000000000000001';
    const empty: HistoryPage = { start: lower, gap: undefined, entries: [], tail: lower, more: false };
    const { read } = broker;
    broker.read = async (channel, after, limit) => {
      if (channel !== 'a') return read(channel, after, limit);
      return after === lower ? empty : { ...empty, gap: 'rewritten' };
    };
    broker.bus = (_channel, message, deliver) => deliver('a', { ...message, previous: lower });
    await publish('a', '2');
    await soon();
    broker.beforeRead = () => undefined;
    release();
    expect((await polled).channels.a).toMatchObject({ offset: lower, gap: { after: a, reason: 'rewritten' } });
  });

  it('hands over a live-only message that comes while a waiting poll reads the log', async () => {
    await start();
    const a = await open('a');
    await open('b');
    broker.bus = (channel, message, deliver) =>
      (channel === 'a' || message.offset === undefined) && deliver(channel, message);
    const ahead = await publish('b', '1');
    let reading = 0;
    let release = () => {};
    broker.afterRead = () => {
      reading++;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    const polled = answer({ a, b: ahead }, 30_000);
    while (reading < 1) await soon();
    const first = release;
    await broker.healthy.publishLive('b', '"now or never"');
    await soon();
    first();
    while (reading < 2 && node.node.stats().waitingPolls === 1) await soon();
    broker.afterRead = () => undefined;
    release();
    expect((await polled).channels.b?.messages).toEqual([{ data: 'now or never' }]);
  });

  it('ends a wait that begins within the tolerance of an expired ticket', async () => {
    await start();
    const a = await open('a');
    const expired = await poll({ a }, 30_000, node.ticket('u1', {}, -1_500));
    expect(expired.status).toBe(401);
  });

  it('keeps the cap of an answer shared by many channels, whoever asked before', async () => {
    await start();
    const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
    const from: Record<string, string> = {};
    for (const name of names) from[name] = await open(name);
    for (const name of names) for (let n = 0; n < 8; n++) await publish(name, JSON.stringify('x'.repeat(50_000)));
    for (const name of names) await answer({ [name]: from[name] ?? '' }, 0);
    const whole = await (await poll(from, 0)).text();
    expect(whole.length).toBeLessThan(1_100_000);
  });

  it('answers with about as many bytes as it is asked for, a message of each channel at least, from memory as from the log', async () => {
    await start();
    const from = await open('a');
    for (const channel of ['a', 'b']) for (let n = 0; n < 10; n++) await publish(channel, `"${'x'.repeat(10_000)}"`);
    const counts = async (channels: Record<string, string>, maxBytes: number) => {
      const answered = (await (await poll(channels, 0, node.ticket(), { maxBytes })).json()) as Answered;
      return Object.values(answered.channels).map(({ messages, more }) => [messages.length, more]);
    };
    for (const a of [from, '-1']) {
      for (const bytes of [25_000, 1]) {
        const [[count = 0, more] = []] = await counts({ a }, bytes);
        expect([Number(count) <= Math.ceil(bytes / 10_000) + 1, Number(count) >= 1, more]).toEqual([true, true, true]);
      }
      expect(await counts({ a, b: '-1' }, 1)).toEqual([
        [1, true],
        [1, true],
      ]);
      expect(await counts({ a }, 1_048_576)).toEqual([[10, undefined]]);
    }
  });

  it('takes a follow-up to `more` for free, and nothing else', async () => {
    await start({ pollRate: { perSecond: 0.001, burst: 1 } });
    for (let n = 0; n < 40; n++) await publish('a', JSON.stringify('x'.repeat(50_000)));
    const ticket = node.ticket();
    const first = (await answer({ a: '-1' }, 0, ticket)).channels.a;
    expect(first?.more).toBe(true);
    const second = (await answer({ a: first?.offset ?? '' }, 0, ticket)).channels.a;
    expect((first?.messages.length ?? 0) + (second?.messages.length ?? 0)).toBe(40);
    // Of another user: all tickets of one owe together what was read with one of them.
    const other = node.ticket('u2');
    // Ten channels are the whole unit.
    const others = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`b${n}`, 'now']));
    expect((await answer({ ...others, a: '-1' }, 0, other)).channels.a?.more).toBe(true);
    expect((await poll({ a: '-1' }, 0, other)).status).toBe(429);
  });
});
