// Many clients that come back at the same moment, from one offset: each has all that it missed, once and in order, and the log is read once.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createFaultyBroker } from '../support/faulty-broker.js';
import { FEEDS, type Feed, type FeedEvent } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const NAMESPACES = { default: { historySize: 1_000 } };
/** Of each transport that stays: who polls shortly leaves nothing in memory. */
const TRANSPORTS = ['websocket', 'sse', 'long-poll'] as const;
const CLIENTS = { redis: 1_000, memory: 200 } as const;
const MISSED = 40;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const cells = (['uws', 'ws'] as const).flatMap((engine) =>
  (['redis', 'memory'] as const).flatMap((kind) => TRANSPORTS.map((transport) => ({ engine, kind, transport }))),
);

describe.each(cells)('by $transport, on the $engine engine and the $kind broker', ({ engine, kind, transport }) => {
  let node: TestNode;
  const feeds: Feed[] = [];
  afterEach(async () => {
    for (const feed of feeds.splice(0)) feed.close();
    await node.close();
  });

  async function start() {
    await redis.admin.flushall();
    if (kind === 'memory') {
      const broker = createFaultyBroker(NAMESPACES);
      node = await startNode({ engine, broker, namespaces: NAMESPACES });
      return { count: () => broker.reads };
    }
    const namespaces = new Namespaces(NAMESPACES);
    const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
    node = await startNode({ engine, broker, namespaces: NAMESPACES });
    return { count: () => calls('fcall') };
  }

  async function publish(count: number): Promise<string[]> {
    const offsets: string[] = [];
    for (let n = 0; n < count; n++) offsets.push(await node.broker.publish({ channel: 'news', data: String(n) }));
    return offsets;
  }

  function comeBack(count: number, after: string): Feed[] {
    const come = Array.from({ length: count }, () => {
      const feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket() }, { news: after });
      if (feed === undefined) throw new TypeError(transport);
      return feed;
    });
    feeds.push(...come);
    return come;
  }

  const offsetsOf = (events: readonly FeedEvent[]) => events.map(({ offset }) => offset);
  const missedBy = (come: readonly Feed[]) =>
    Promise.all(come.map(async ({ events }) => offsetsOf(await events.take(MISSED, 'message', 'gap', 'refused'))));

  it('has all come back to a node that has just started with two reads of the log', async () => {
    const { count } = await start();
    const offsets = await publish(10 + MISSED);
    const before = await count();
    const come = comeBack(CLIENTS[kind], offsets[9] ?? '');
    for (const missed of await missedBy(come)) expect(missed).toEqual(offsets.slice(10));
    expect((await count()) - before).toBeLessThanOrEqual(2);
    const [next] = await publish(1);
    const last = await Promise.all(come.map(({ events }) => events.nextOf('message', 'gap')));
    expect(new Set(offsetsOf(last))).toEqual(new Set([next]));
  }, 120_000);

  it('has who comes later meet in memory what was read for the first', async () => {
    const { count } = await start();
    const offsets = await publish(10 + MISSED);
    // Somebody stays on the channel: memory begins where he came.
    const [stays] = comeBack(1, offsets.at(-1) ?? '');
    if (transport !== 'long-poll') await stays?.events.nextOf('subscribed');
    offsets.push(...(await publish(1)));
    await stays?.events.nextOf('message');
    const missedByAll = offsets.slice(10, 10 + MISSED);
    const before = await count();
    for (let n = 0; n < 5; n++) {
      for (const missed of await missedBy(comeBack(10, offsets[9] ?? ''))) expect(missed).toEqual(missedByAll);
      for (const missed of await missedBy(comeBack(1, offsets[9] ?? ''))) expect(missed).toEqual(missedByAll);
    }
    expect((await count()) - before).toBeLessThanOrEqual(1);
  });
});

/** Commands of this name that Redis has been sent. */
async function calls(command: string): Promise<number> {
  const stats = await redis.admin.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}
