// One suite for every transport, on both engines and both brokers: what a subscriber is promised, whatever carries it.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { FEEDS, type Feed, type OpenFeed, type Positions } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const ENGINES = ['uws', 'ws'] as const;
const BROKERS = ['memory', 'redis'] as const;
const NAMESPACES = { default: { historySize: 1_000 }, short: { historySize: 5 }, open: { public: true } };

let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

for (const broker of BROKERS) {
  for (const engine of ENGINES) {
    for (const [transport, open] of Object.entries(FEEDS)) {
      describe(`${transport} on the ${engine} engine and the ${broker} broker`, () =>
        suite(engine, broker, transport, open));
    }
  }
}

function makeBroker(kind: (typeof BROKERS)[number]): Broker {
  const namespaces = new Namespaces(NAMESPACES);
  if (kind === 'memory') return createMemoryBroker({ namespaces });
  return createRedisBroker({ url: redis.url, prefix: `t${++prefixes}`, namespaces, logger: silentLogger });
}

function suite(engine: 'uws' | 'ws', broker: 'memory' | 'redis', transport: string, open: OpenFeed): void {
  let target: TestNode;
  const feeds: Feed[] = [];
  let serial = 0;

  beforeAll(async () => {
    target = await startNode({ engine, broker: makeBroker(broker), namespaces: NAMESPACES });
  });
  afterEach(() => {
    for (const feed of feeds.splice(0)) feed.close();
  });
  afterAll(() => target?.close());

  const freshChannel = (namespace = 'room') => `${namespace}:${++serial}`;

  function subscribe(channels: Positions, ticket = target.ticket()): Feed {
    const feed = open({ url: target.url, ticket }, channels);
    feeds.push(feed);
    return feed;
  }

  async function publish(channel: string, count: number, first = 1): Promise<string[]> {
    const offsets: string[] = [];
    for (let n = 0; n < count; n++) {
      offsets.push(await target.broker.publish({ channel, data: JSON.stringify({ n: first + n }) }));
    }
    return offsets;
  }

  it('delivers what is published after `now`, in order, with offsets', async () => {
    const channel = freshChannel();
    const { events } = subscribe({ [channel]: 'now' });
    const subscribed = await events.nextOf('subscribed');
    expect(subscribed).toMatchObject({ channel, recovered: true });
    const offsets = await publish(channel, 50);
    const messages = await events.take(50, 'message', 'gap');
    expect(messages.map((message) => message.offset)).toEqual(offsets);
    expect(messages.map((message) => message.data)).toEqual(offsets.map((_, index) => ({ n: index + 1 })));
    expect((subscribed.offset ?? '') < (offsets[0] ?? '')).toBe(true);
  });

  it('replays the whole history after `-1`', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 20);
    const { events } = subscribe({ [channel]: '-1' });
    const messages = await events.take(20, 'message', 'gap');
    expect(messages.map((message) => message.offset)).toEqual(offsets);
  });

  it('resumes after an offset with each later message exactly once, in order, and goes on live', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 600);
    const { events } = subscribe({ [channel]: offsets[99] ?? '' });
    const first = await events.take(1, 'message');
    offsets.push(...(await publish(channel, 100, 601)));
    const messages = [...first, ...(await events.take(599, 'message', 'gap'))];
    expect(messages.map((message) => message.offset)).toEqual(offsets.slice(100));
  });

  it('loses and repeats nothing while messages flow during the resume', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 300);
    const { events } = subscribe({ [channel]: offsets[9] ?? '' });
    for (let round = 0; round < 20; round++) offsets.push(...(await publish(channel, 10, 301 + round * 10)));
    const messages = await events.take(490, 'message', 'gap');
    expect(messages.map((message) => message.offset)).toEqual(offsets.slice(10));
  });

  it('tells a gap before anything newer when history no longer reaches back', async () => {
    const channel = freshChannel('short');
    const offsets = await publish(channel, 20);
    const { events } = subscribe({ [channel]: offsets[1] ?? '' });
    const told = await events.take(6, 'message', 'gap');
    expect(told[0]).toMatchObject({ type: 'gap', channel, after: offsets[1], offset: offsets[14], reason: 'trimmed' });
    expect(told.slice(1).map((message) => message.offset)).toEqual(offsets.slice(15));
  });

  it('tells a gap for an offset that the log does not have', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 3);
    const [ms = '', seq = ''] = (offsets[1] ?? '').split('-');
    const stranger = `${ms}-${String(Number(seq) + 7).padStart(16, '0')}`;
    const { events } = subscribe({ [channel]: stranger });
    const told = await events.nextOf('message', 'gap');
    expect(told).toMatchObject({ type: 'gap', channel, after: stranger, reason: 'rewritten' });
  });

  it('carries several channels at once, each in its order', async () => {
    const channels = [freshChannel(), freshChannel(), freshChannel()];
    const { events } = subscribe(Object.fromEntries(channels.map((channel) => [channel, '-1'])));
    const expected = new Map<string, string[]>();
    for (let round = 0; round < 10; round++) {
      for (const channel of channels) {
        expected.set(channel, [...(expected.get(channel) ?? []), ...(await publish(channel, 1, round))]);
      }
    }
    const messages = await events.take(30, 'message', 'gap');
    for (const channel of channels) {
      const mine = messages.filter((message) => message.channel === channel);
      expect(mine.map((message) => message.offset)).toEqual(expected.get(channel));
    }
  });

  it('carries any JSON value byte for byte', async () => {
    const channel = freshChannel();
    const values = ['null', '"é\\n\\u2028"', '[1,[2,{"a":"}"}]]', '1e3', `"${'x'.repeat(60_000)}"`, '{"__proto__":1}'];
    for (const data of values) await target.broker.publish({ channel, data });
    const { events } = subscribe({ [channel]: '-1' });
    const messages = await events.take(values.length, 'message');
    expect(messages.map((message) => JSON.stringify(message.data))).toEqual(
      values.map((value) => JSON.stringify(JSON.parse(value))),
    );
  });

  it('names who published, when a client did', async () => {
    const channel = freshChannel();
    const { events } = subscribe({ [channel]: '-1' });
    await fetch(`${target.url}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${target.ticket('alice')}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channel, data: 1 }),
    });
    expect((await events.nextOf('message')).from).toMatchObject({ user: 'alice' });
  });

  it('refuses a channel that the ticket does not grant', async () => {
    const { events } = subscribe({ 'secret:1': 'now' }, target.ticket('u1', { subscribe: ['room:*'] }));
    const refusal = await events.nextOf('error', 'refused');
    expect(refusal).toMatchObject({ code: 'forbidden_channel' });
  });

  it('refuses a ticket that has been tampered with', async () => {
    const ticket = target.ticket();
    const { events } = subscribe({ [freshChannel()]: 'now' }, `${ticket.slice(0, -4)}AAAA`);
    expect(await events.nextOf('error', 'refused')).toMatchObject({ code: 'token_signature_invalid' });
  });

  if (transport !== 'short-poll') {
    it('delivers a live-only message to whoever is connected, without an offset', async () => {
      const channel = freshChannel();
      const { events } = subscribe({ [channel]: 'now' });
      await events.nextOf('subscribed');
      // A poll is only reached while it waits: repeat until one is.
      const received = events.nextOf('message');
      let done = false;
      void received.then(() => {
        done = true;
      });
      while (!done) {
        await target.broker.publishLive(channel, '{"live":true}');
        await new Promise((resolve) => setImmediate(resolve));
      }
      const message = await received;
      expect(message.data).toEqual({ live: true });
      expect(message.offset).toBeUndefined();
    });
  }

  it('hands a position over to every other transport', async () => {
    const channel = freshChannel();
    const offsets = await publish(channel, 10);
    for (const other of Object.values(FEEDS)) {
      const mine = subscribe({ [channel]: offsets[2] ?? '' });
      const reached = (await mine.events.take(2, 'message')).at(-1)?.offset ?? '';
      mine.close();
      const feed = other({ url: target.url, ticket: target.ticket() }, { [channel]: reached });
      feeds.push(feed);
      const rest = await feed.events.take(5, 'message', 'gap');
      expect(rest.map((message) => message.offset)).toEqual(offsets.slice(5));
      feed.close();
    }
  });
}
