// Coming back: from any offset, over any transport, twice at once, and before the old connection is known to be dead.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { FEEDS, type Feed, type FeedEvent, type OpenFeed } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const NAMESPACES = { default: { historySize: 1_000 }, short: { historySize: 5 } };
const HOUR_MS = 3_600_000;

let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.each(['memory', 'redis'] as const)('on the %s broker', (broker) => {
  describe.each(['uws', 'ws'] as const)('and the %s engine', (engine) => {
    describe.each(Object.keys(FEEDS))('a client that comes back by %s', (transport) =>
      suite(engine, broker, transport),
    );
  });
});

function makeBroker(kind: 'memory' | 'redis'): Broker {
  const namespaces = new Namespaces(NAMESPACES);
  if (kind === 'memory') return createMemoryBroker({ namespaces });
  return createRedisBroker({ url: redis.url, prefix: `r${++prefixes}`, namespaces, logger: silentLogger });
}

const offsetsOf = (events: readonly FeedEvent[]) => events.map(({ offset }) => offset);

function suite(engine: 'uws' | 'ws', kind: 'memory' | 'redis', transport: string): void {
  let node: TestNode;
  let serial = 0;
  const feeds: Feed[] = [];
  const holes: BlackHole[] = [];

  beforeAll(async () => {
    node = await startNode({ engine, broker: makeBroker(kind), namespaces: NAMESPACES });
  });
  afterEach(async () => {
    for (const feed of feeds.splice(0)) feed.close();
    for (const hole of holes.splice(0)) await hole.close();
  });
  afterAll(() => node?.close());

  const freshChannel = (namespace = 'room') => `${namespace}:${++serial}`;

  function open(by: string, channel: string, after: string, ticket = node.ticket(), url = node.url): Feed {
    const feed = (FEEDS[by] as OpenFeed)({ url, ticket }, { [channel]: after });
    feeds.push(feed);
    return feed;
  }

  async function publish(channel: string, count: number): Promise<string[]> {
    const offsets: string[] = [];
    for (let n = 0; n < count; n++) offsets.push(await node.broker.publish({ channel, data: String(n) }));
    return offsets;
  }

  it('has everything once on each of two connections that it opens at the same time', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 20);
    const ticket = node.ticket();
    const both = [1, 2].map(() => open(transport, channel, offsets[4] ?? '', ticket));
    offsets.push(...(await publish(channel, 20)));
    for (const { events } of both) {
      expect(offsetsOf(await events.take(35, 'message', 'gap'))).toEqual(offsets.slice(5));
    }
    both[0]?.close();
    const [next] = await publish(channel, 1);
    expect(await both[1]?.events.nextOf('message', 'gap')).toMatchObject({ type: 'message', offset: next });
  });

  it('has everything once though its old connection hangs and the node does not know', async () => {
    const channel = freshChannel();
    const hole = await openBlackHole(node.url);
    holes.push(hole);
    const offsets = await publish(channel, 3);
    const ticket = node.ticket();
    const old = open(transport, channel, '-1', ticket, hole.url);
    const position = (await old.events.take(3, 'message', 'gap')).at(-1)?.offset ?? '';
    hole.swallow();
    const missed = await publish(channel, 30);
    const { events } = open(transport, channel, position, ticket);
    missed.push(...(await publish(channel, 10)));
    expect(offsetsOf(await events.take(40, 'message', 'gap'))).toEqual(missed);
    expect(offsets).toContain(position);
  });

  it('has everything once while it goes back and forth between this transport and the others', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 10);
    let position = offsets[0] ?? '';
    const seen: (string | undefined)[] = [];
    const others = Object.keys(FEEDS).filter((name) => name !== transport);
    for (let turn = 0; turn < 18; turn++) {
      const by = turn % 2 === 0 ? transport : (others[(turn >> 1) % others.length] ?? transport);
      const feed = open(by, channel, position);
      offsets.push(...(await publish(channel, 3)));
      const events = await feed.events.take(1 + (turn % 4), 'message', 'gap');
      feed.close();
      seen.push(...offsetsOf(events));
      position = events.at(-1)?.offset ?? '';
    }
    const last = open(transport, channel, position);
    seen.push(...offsetsOf(await last.events.take(offsets.length - 1 - seen.length, 'message', 'gap')));
    expect(seen).toEqual(offsets.slice(1));
  });

  /** The gap that `after` is answered with, after which all that follows is the log's from the gap's end on. */
  async function resumeFromStranger(channel: string, offsets: string[], after: string): Promise<FeedEvent> {
    const { events } = open(transport, channel, after);
    const gap = await events.nextOf('message', 'gap');
    expect(gap).toMatchObject({ type: 'gap', channel, after });
    offsets.push(...(await publish(channel, 3)));
    const rest = offsets.filter((offset) => offset > (gap.offset ?? ''));
    expect(offsetsOf(await events.take(rest.length, 'message', 'gap'))).toEqual(rest);
    return gap;
  }

  it('is told a gap for an offset that was trimmed, and has the rest', async () => {
    const channel = freshChannel('short');
    const offsets = await publish(channel, 12);
    const gap = await resumeFromStranger(channel, offsets, offsets[2] ?? '');
    expect(gap).toMatchObject({ offset: offsets[6], reason: 'trimmed' });
  });

  it('is told a gap for an offset of the future, and has what comes', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 5);
    const tail = offsets.at(-1) ?? '';
    const [ms = '', seq = ''] = tail.split('-');
    const gap = await resumeFromStranger(channel, offsets, `${Number(ms) + HOUR_MS}-${seq}`);
    expect(gap).toMatchObject({ offset: tail, reason: 'rewritten' });
  });

  it('is told a gap for an offset of another channel, however that sorts', async () => {
    const [other, channel] = [freshChannel(), freshChannel()];
    const [before = ''] = await publish(other, 1);
    await nextMillisecond();
    const offsets = await publish(channel, 5);
    await nextMillisecond();
    const [between = ''] = await publish(other, 1);
    await nextMillisecond();
    offsets.push(...(await publish(channel, 5)));
    expect((await resumeFromStranger(channel, offsets, before)).reason).toBe('lost');
    expect((await resumeFromStranger(channel, offsets, between)).reason).toBe('rewritten');
  });

  /** What is published in one millisecond on two channels, or on one before and after FLUSHALL, may bear the same offset. */
  async function nextMillisecond(): Promise<void> {
    const clock = freshChannel();
    const [begun = ''] = await publish(clock, 1);
    let now = begun;
    while (now.slice(0, 13) === begun.slice(0, 13)) [now = ''] = await publish(clock, 1);
  }

  if (kind === 'redis') {
    it('is told a gap for an offset of a history that FLUSHALL ended, and has the new one', async () => {
      const channel = freshChannel();
      const [, , after = ''] = await publish(channel, 5);
      await nextMillisecond();
      await redis.admin.flushall();
      const offsets = await publish(channel, 4);
      const gap = await resumeFromStranger(channel, offsets, after);
      expect(gap.reason).toBe('lost');
      expect((gap.offset ?? '') < (offsets[0] ?? '')).toBe(true);
    });

    it('is told a gap when FLUSHALL ends the history while it is connected', async () => {
      const channel = freshChannel();
      const [after = ''] = await publish(channel, 1);
      const { events } = open(transport, channel, '-1');
      expect(await events.nextOf('message', 'gap')).toMatchObject({ offset: after });
      await nextMillisecond();
      await redis.admin.flushall();
      const offsets = await publish(channel, 3);
      const told = await events.take(4, 'message', 'gap');
      expect(told[0]).toMatchObject({ type: 'gap', after, reason: 'lost' });
      expect(offsetsOf(told.slice(1))).toEqual(offsets);
    });
  } else {
    it('is told a gap for an offset from before a restart of the node, and has the new history', async () => {
      const channel = freshChannel();
      const restarted = await startNode({ engine, broker: makeBroker(kind), namespaces: NAMESPACES });
      try {
        const [, , after = ''] = await publish(channel, 5);
        const fresh = await restarted.broker.publish({ channel, data: '1' });
        const { events } = open(transport, channel, after, node.ticket(), restarted.url);
        expect(await events.nextOf('message', 'gap')).toMatchObject({ type: 'gap', after });
        expect(await events.nextOf('message', 'gap')).toMatchObject({ type: 'message', offset: fresh });
      } finally {
        for (const feed of feeds.splice(0)) feed.close();
        await restarted.close();
      }
    });
  }
}

/** A way to a node that, once told to, swallows everything while its connections stay open. */
interface BlackHole {
  readonly url: string;
  swallow(): void;
  close(): Promise<void>;
}

async function openBlackHole(nodeUrl: string): Promise<BlackHole> {
  const { hostname, port } = new URL(nodeUrl);
  const sockets: Socket[] = [];
  let swallows = false;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    sockets.push(client, upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (chunk) => void (swallows || to.write(chunk)));
      from.on('close', () => swallows || to.destroy());
      from.on('error', () => undefined);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    swallow: () => {
      swallows = true;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
