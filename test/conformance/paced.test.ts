// Links that are sent less than everything, at a pace or as slow readers: what they get and what they are told, against the log.

import { afterEach, describe, expect, it } from 'vitest';
import type { WrittenLimits } from '../../src/config/limits.js';
import type { NamespaceOptions } from '../../src/config/namespaces.js';
import { EventQueue, type FeedEvent, SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { startNode, type TestNode } from '../support/push-node.js';

type Positions = Readonly<Record<string, object>>;
interface Reader {
  readonly events: EventQueue;
  close(): void;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function bySocket(node: TestNode, channels: Positions): Promise<Reader & { client: SocketClient }> {
  const client = new SocketClient(node.url);
  client.command({ type: 'connect', version: 1, token: node.ticket(), features: ['positions'] });
  client.command({ type: 'subscribe', channels });
  await client.events.nextOf('subscribed');
  return { client, events: client.events, close: () => client.close() };
}

async function byStream(node: TestNode, channels: Positions): Promise<Reader> {
  const events = new EventQueue();
  const controller = new AbortController();
  const response = await fetch(`${node.url}/v1/stream`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${node.ticket()}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channels, features: ['positions'] }),
    signal: controller.signal,
  });
  const read = async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) events.push(JSON.parse(data.slice(6)));
      }
    }
  };
  read().catch(() => events.push({ type: 'closed' }));
  await events.nextOf('subscribed');
  return { events, close: () => controller.abort() };
}

const TRANSPORTS = { websocket: bySocket, sse: byStream } as const;
const CELLS = (['uws', 'ws'] as const).flatMap((engine) =>
  (['websocket', 'sse'] as const).map((transport) => ({ engine, transport })),
);

describe.each(CELLS)('over $transport on the $engine engine', ({ engine, transport }) => {
  let node: TestNode;
  const readers: Reader[] = [];
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    await node.close();
  });

  async function start(options: Partial<NamespaceOptions>, limits: WrittenLimits = {}): Promise<void> {
    const namespaces = { tick: { historySize: 10_000, ...options } };
    node = await startNode({ engine, limits, namespaces });
  }

  async function open(channels: Positions): Promise<Reader> {
    const reader = await TRANSPORTS[transport](node, channels);
    readers.push(reader);
    return reader;
  }

  const publish = (data: object) => node.broker.publish({ channel: 'tick:1', data: JSON.stringify(data) });

  /** So many a second, of `values` one after the other; answers how many. */
  async function flood(perSecond: number, seconds: number, values: number): Promise<number> {
    const total = perSecond * seconds;
    const beganMs = performance.now();
    let sent = 0;
    while (sent < total) {
      const due = Math.min(total, ((performance.now() - beganMs) / 1_000) * perSecond);
      for (; sent < due; sent++) await publish({ id: `v${sent % values}`, n: sent });
      await pause(5);
    }
    return total;
  }

  /** The offsets of everything that the log has. */
  async function logged(): Promise<readonly string[]> {
    const page = await node.broker.read('tick:1', '-1', { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 });
    expect(page.more).toBe(false);
    return page.entries.map(({ offset }) => offset);
  }

  /** Until the message whose `n` is this has come. */
  async function readTo(reader: Reader, last: number): Promise<FeedEvent[]> {
    const events: FeedEvent[] = [];
    do events.push(await reader.events.nextOf('message', 'gap', 'closed'));
    while (events.at(-1)?.type !== 'closed' && (events.at(-1)?.data as { n?: number } | undefined)?.n !== last);
    expect(events.at(-1)?.type).toBe('message');
    return events;
  }

  /** Each says truly how many were left out before it. */
  async function judgeSkipped(messages: readonly FeedEvent[]): Promise<number> {
    const log = await logged();
    let [at, left] = [-1, 0];
    for (const { offset, skipped = 0 } of messages) {
      const place = log.indexOf(offset ?? '');
      expect(place).toBeGreaterThan(at);
      expect(skipped).toBe(place - at - 1);
      left += Number(skipped);
      at = place;
    }
    expect(at).toBe(log.length - 1);
    return left;
  }

  it('sends the newest of each value, at the pace that was asked for, and says what it left out', async () => {
    await start({ conflateBy: 'id' });
    const reader = await open({ 'tick:1': { maxPerSecond: 100 } });
    const beganMs = performance.now();
    const total = await flood(2_000, 1.5, 50);
    const messages = await readTo(reader, total - 1);
    const tookS = (performance.now() - beganMs) / 1_000;
    expect(messages.every(({ type }) => type === 'message')).toBe(true);
    // The first fifty at once, and then no more than a hundred each second.
    expect(messages.length).toBeLessThanOrEqual(50 + 100 * tookS + 1);
    expect(await judgeSkipped(messages)).toBe(total - messages.length);
    expect(messages.length).toBeLessThan(total);
    const newest = new Map(messages.map(({ data }) => [(data as { id: string }).id, (data as { n: number }).n]));
    for (let value = 0; value < 50; value++) expect(newest.get(`v${value}`)).toBe(total - 50 + value);
  });

  const kinds: readonly [string, object][] = [
    ['every message', {}],
    ['the newest', { conflateBy: 'id' }],
  ];
  if (transport === 'websocket')
    it.each(kinds)('tells whoever subscribes again where it is, before what waits: of %s', async (_which, options) => {
      await start(options);
      const { client, events } = (await open({ 'tick:1': { maxPerSecond: 20 } })) as Reader & { client: SocketClient };
      for (let n = 0; n < 40; n++) await publish({ id: n, n });
      const heard = [await events.nextOf('message')];
      client.command({ type: 'subscribe', channels: { 'tick:1': { maxPerSecond: 20 } } });
      const nOf = (event: FeedEvent | undefined) => (event?.data as { n: number } | undefined)?.n;
      while (nOf(heard.at(-1)) !== 39) heard.push(await events.nextOf('message', 'subscribed', 'gap', 'closed'));
      const at = heard.findIndex(({ type }) => type === 'subscribed');
      expect([at > 0, at < heard.length - 1, heard[at]?.offset]).toEqual([true, true, heard[at - 1]?.offset]);
      expect(heard.toSpliced(at, 1).map(nOf)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    });

  it('leaves nothing out of what is within the pace', async () => {
    await start({ conflateBy: 'id' });
    const reader = await open({ 'tick:1': { maxPerSecond: 1_000 } });
    for (let n = 0; n < 100; n++) await publish({ id: 'one', n });
    const messages = await readTo(reader, 99);
    expect(messages.map(({ data }) => (data as { n: number }).n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(messages.some(({ skipped }) => skipped !== undefined)).toBe(false);
  });

  it('sends everything, in order and later, where a namespace leaves nothing out', async () => {
    await start({});
    const reader = await open({ 'tick:1': { maxPerSecond: 200 } });
    const beganMs = performance.now();
    for (let n = 0; n < 300; n++) await publish({ n });
    const messages = await readTo(reader, 299);
    // A hundred at once.
    expect(performance.now() - beganMs).toBeGreaterThan(950);
    expect(messages.map(({ data }) => (data as { n: number }).n)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    // Once it has caught up it is sent what comes.
    await pause(600);
    await publish({ n: 300 });
    expect((await readTo(reader, 300)).length).toBe(1);
  });

  it('sends what it missed at the same pace, and the newest of that', async () => {
    await start({ conflateBy: 'id' });
    for (let n = 0; n < 600; n++) await publish({ id: `v${n % 20}`, n });
    const reader = await open({ 'tick:1': { maxPerSecond: 40, after: '-1' } });
    const messages = await readTo(reader, 599);
    expect(messages.length).toBeLessThanOrEqual(60);
    expect(await judgeSkipped(messages)).toBe(600 - messages.length);
  });

  it('tells who did not ask by one gap for each time that it falls behind', async () => {
    await start({ conflate: 'newest' }, { outbound: { algorithm: 'leaky-bucket', rate: { units: 5, perMs: 1_000 } } });
    const reader = await open({ 'tick:1': {} });
    for (let n = 0; n < 100; n++) await publish({ n });
    const events = await readTo(reader, 99);
    expect(events.map(({ type }) => type)).toEqual([...Array.from({ length: 5 }, () => 'message'), 'gap', 'message']);
    const log = await logged();
    expect(events[5]).toMatchObject({ reason: 'conflated', after: log[4], offset: log[98] });
    expect(events[6]).toMatchObject({ skipped: 94 });
  });

  it('bounds a link over all of its channels, and other links not', async () => {
    await start({}, { outbound: { algorithm: 'token-bucket', rate: { units: 50, perMs: 1_000 }, burst: 10 } });
    const [first, second] = [await open({ 'tick:1': {}, 'tick:2': {} }), await open({ 'tick:1': {} })];
    await pause(50);
    const beganMs = performance.now();
    for (let n = 0; n < 20; n++) {
      await publish({ n });
      await node.broker.publish({ channel: 'tick:2', data: JSON.stringify({ n }) });
    }
    await first.events.take(40, 'message');
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(550);
    expect((await readTo(second, 19)).length).toBe(20);
  });

  it('sends the first at once and the newest half a second later, where two a second are asked for', async () => {
    await start({ conflate: 'newest' });
    const reader = await open({ 'tick:1': { maxPerSecond: 2 } });
    for (let n = 0; n < 10; n++) await publish({ n });
    const messages = await readTo(reader, 9);
    expect(messages.map(({ data, skipped }) => [(data as { n: number }).n, skipped])).toEqual([
      [0, undefined],
      [9, 8],
    ]);
  });
});

describe.each(['uws', 'ws'] as const)('on the %s engine', (engine) => {
  let node: TestNode;
  afterEach(() => node?.close());

  it('still sends heartbeats to a link that is sent less than its channel delivers', async () => {
    const limits = { outbound: { rate: { units: 1, perMs: 60_000 } } };
    node = await startNode({
      engine,
      namespaces: { tick: { conflate: 'newest' } },
      options: { heartbeatMs: 1_000 },
      limits,
    });
    const reader = await bySocket(node, { 'tick:1': {} });
    const publishing = setInterval(() => void node.broker.publish({ channel: 'tick:1', data: '1' }), 50);
    try {
      expect(await reader.events.nextOf('heartbeat', 'closed')).toMatchObject({ type: 'heartbeat' });
    } finally {
      clearInterval(publishing);
      reader.close();
    }
  });

  it('a poll that asks for a pace is answered with the newest of each value', async () => {
    node = await startNode({ engine, namespaces: { tick: { conflateBy: 'id' } } });
    for (let n = 0; n < 60; n++) {
      await node.broker.publish({ channel: 'tick:1', data: JSON.stringify({ id: `v${n % 3}`, n }) });
    }
    const ask = (position: object) => {
      const body = { channels: { 'tick:1': { after: '-1', ...position } }, features: ['positions'], waitMs: 0 };
      return post(`${node.url}/v1/poll`, body, { ticket: node.ticket() });
    };
    const answered = await ask({ maxPerSecond: 1 });
    const { messages } = (answered.body.channels as Record<string, { messages: FeedEvent[] }>)['tick:1'] ?? {};
    expect(messages?.map(({ data, skipped }) => [(data as { n: number }).n, skipped])).toEqual([
      [57, 57],
      [58, undefined],
      [59, undefined],
    ]);
    const all = await ask({});
    expect((all.body.channels as Record<string, { messages: object[] }>)['tick:1']?.messages).toHaveLength(60);
  });

  it('a slow reader is sent the newest where its namespace says so, and nobody else notices', async () => {
    const namespaces = { tick: { slowConsumer: 'conflate', conflateBy: 'id', historySize: 10_000 } } as const;
    node = await startNode({ engine, namespaces, options: { maxBufferedBytes: 256 * 1024 } });
    const slow = await bySocket(node, { 'tick:1': {} });
    const fast = await bySocket(node, { 'tick:1': {} });
    slow.client.socket.pause();
    const filler = 'x'.repeat(10_000);
    for (let n = 0; n < 2_000; n++) {
      await node.broker.publish({ channel: 'tick:1', data: JSON.stringify({ id: `v${n % 10}`, n, filler }) });
      if (n % 20 === 0) await pause(1);
    }
    const everything = await fast.events.take(2_000, 'message', 'gap', 'closed');
    expect(everything.every(({ type, skipped }) => type === 'message' && skipped === undefined)).toBe(true);
    slow.client.socket.resume();
    const events: FeedEvent[] = [];
    do events.push(await slow.events.nextOf('message', 'gap', 'closed'));
    while (events.at(-1)?.type !== 'closed' && (events.at(-1)?.data as { n?: number } | undefined)?.n !== 1_999);
    expect(events.at(-1)?.type).toBe('message');
    expect(events.filter(({ type }) => type === 'gap').map(({ reason }) => reason)).toEqual(['conflated']);
    const messages = events.filter(({ type }) => type === 'message');
    const skipped = messages.reduce((sum, one) => sum + Number(one.skipped ?? 0), 0);
    expect(skipped).toBeGreaterThan(0);
    expect(messages.length + skipped).toBe(2_000);
    expect(node.node.stats().slowConsumers).toBe(0);
    slow.close();
    fast.close();
  });
});
