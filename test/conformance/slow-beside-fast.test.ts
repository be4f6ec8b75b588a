// Readers that stop, trickle or never read, beside honest ones: these notice nothing, and the slow learn what they missed.

import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FEEDS, type Feed, type FeedEvent, SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const MESSAGES = 800;
const FILLER = 'x'.repeat(10_000);
const MAX_BUFFERED_BYTES = 256 * 1024;
/** What one turn may add before a slow link is looked at. */
const SPARE_BYTES = 256 * 1024;
const NAMESPACES = {
  feed: { historySize: 10_000 },
  tick: { historySize: 10_000, slowConsumer: 'conflate', conflateBy: 'id' },
} as const;
const CHANNELS = ['feed:1', 'tick:1'] as const;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(['uws', 'ws'] as const)('slow readers on the %s engine', (engine) => {
  let node: TestNode;
  const open: { close(): void }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await node.close();
  });

  /** Sends a request on a socket that reads nothing of the answer. */
  function neverReads(path: string, body: object): Socket {
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.pause();
    const text = JSON.stringify(body);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${node.ticket('slow')}`,
      'Content-Type: application/json',
      `Content-Length: ${text.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${text}`);
    open.push({ close: () => socket.destroy() });
    return socket;
  }

  async function subscribed(channel: string, after = 'now'): Promise<SocketClient> {
    const client = new SocketClient(node.url);
    open.push(client);
    client.connect(node.ticket('slow'));
    client.command({ type: 'subscribe', channels: { [channel]: after } });
    await client.events.nextOf('subscribed');
    return client;
  }

  /** Reads for a moment, again and again. */
  function trickle({ socket }: SocketClient): void {
    socket.pause();
    const timer = setInterval(() => {
      socket.resume();
      setImmediate(() => socket.pause());
    }, 50);
    open.push({ close: () => clearInterval(timer) });
  }

  async function honest(transport: string): Promise<Feed> {
    const feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket(`honest-${transport}`) }, { 'feed:1': 'now' });
    if (feed === undefined) throw new Error(`no transport ${transport}`);
    open.push(feed);
    await feed.events.nextOf('subscribed');
    return feed;
  }

  async function publishAll(): Promise<{ readonly offsets: Map<string, string[]>; readonly mostBuffered: number }> {
    const offsets = new Map<string, string[]>(CHANNELS.map((channel) => [channel, []]));
    let mostBuffered = 0;
    for (let n = 0; n < MESSAGES; n++) {
      const data = JSON.stringify({ id: `v${n % 10}`, n, filler: FILLER });
      for (const channel of CHANNELS) offsets.get(channel)?.push(await node.broker.publish({ channel, data }));
      if (n % 4 === 0) await pause(2);
      mostBuffered = Math.max(mostBuffered, node.node.stats().bufferedBytes ?? 0);
    }
    return { offsets, mostBuffered };
  }

  const offsetsOf = (events: readonly FeedEvent[]) => events.map(({ offset }) => offset);

  it('take nothing from honest ones, hold no more than they may, and learn exactly what they missed', async () => {
    node = await startNode({ engine, namespaces: NAMESPACES, options: { maxBufferedBytes: MAX_BUFFERED_BYTES } });
    const feeds = await Promise.all(Object.keys(FEEDS).map(honest));
    const fast = await subscribed('tick:1');
    const [stopped, spared, slowly] = [
      await subscribed('feed:1'),
      await subscribed('tick:1'),
      await subscribed('tick:1'),
    ];
    for (const { socket } of [stopped, spared]) socket.pause();
    trickle(slowly);
    neverReads('/v1/stream', { channels: { 'feed:1': 'now' } });
    neverReads('/v1/stream', { channels: { 'tick:1': 'now' } });
    neverReads('/v1/poll', { channels: { 'feed:1': '-1' }, waitMs: 20_000 });
    await expect.poll(() => node.node.stats().streams).toBe(3);
    const { offsets, mostBuffered } = await publishAll();
    const [fed, ticked] = [offsets.get('feed:1') ?? [], offsets.get('tick:1') ?? []];

    for (const feed of feeds) {
      const events = await feed.events.take(MESSAGES, 'message', 'gap', 'closed', 'refused');
      expect(events.every(({ type }) => type === 'message')).toBe(true);
      expect(offsetsOf(events)).toEqual(fed);
    }
    const everything = await fast.events.take(MESSAGES, 'message', 'gap', 'closed');
    expect(offsetsOf(everything)).toEqual(ticked);
    // Six of them are slow.
    expect(mostBuffered).toBeLessThan(6 * (MAX_BUFFERED_BYTES + SPARE_BYTES));

    stopped.socket.resume();
    const before: FeedEvent[] = [];
    do before.push(await stopped.events.nextOf('message', 'gap', 'closed'));
    while (before.at(-1)?.type !== 'closed');
    const got = before.filter(({ type }) => type === 'message');
    expect(offsetsOf(got)).toEqual(fed.slice(0, got.length));
    const resumed = new SocketClient(node.url);
    open.push(resumed);
    resumed.connect(node.ticket('slow'));
    resumed.command({ type: 'subscribe', channels: { 'feed:1': fed[got.length - 1] } });
    const rest = await resumed.events.take(MESSAGES - got.length, 'message', 'gap', 'closed');
    expect(offsetsOf(rest)).toEqual(fed.slice(got.length));

    for (const client of [spared, slowly]) {
      const timer = setInterval(() => client.socket.resume(), 10);
      await judgeSparing(client, ticked);
      clearInterval(timer);
    }
  });

  /** What it was not sent is counted: together it is the log. */
  async function judgeSparing(client: SocketClient, log: readonly string[]): Promise<void> {
    let at = -1;
    while (at < log.length - 1) {
      const { type, offset, skipped = 0, reason } = await client.events.nextOf('message', 'gap', 'closed');
      expect(type).not.toBe('closed');
      if (type === 'gap') expect(reason).toBe('conflated');
      if (type !== 'message') continue;
      const place = log.indexOf(offset ?? '');
      expect(place).toBe(at + 1 + Number(skipped));
      at = place;
    }
  }
});
