// The bus is cut under load: what it lost is read from the log, for every subscriber and channel.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { FEEDS, type Feed } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const NAMESPACES = { default: { historySize: 2_000 } };
const CHANNELS = ['room:1', 'room:2', 'room:3'];

let redis: RedisServer;
let node: TestNode;

beforeAll(async () => {
  redis = await startRedis();
  const namespaces = new Namespaces(NAMESPACES);
  const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  node = await startNode({ engine: 'uws', broker, namespaces: NAMESPACES });
});
afterAll(async () => {
  await node.close();
  await redis.stop();
});

it('delivers everything once and in order on every transport while pub/sub is cut again and again', async () => {
  const feeds: Feed[] = Object.values(FEEDS).map((open) =>
    open({ url: node.url, ticket: node.ticket() }, Object.fromEntries(CHANNELS.map((channel) => [channel, '-1']))),
  );
  const published = new Map<string, string[]>(CHANNELS.map((channel) => [channel, []]));
  for (let n = 0; n < 600; n++) {
    for (const channel of CHANNELS) {
      const offset = await redis.admin.fcall('fanfare_publish', 1, channel, String(n));
      published.get(channel)?.push(String(offset));
    }
    if (n % 60 === 30) await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }
  for (const feed of feeds) {
    const messages = await feed.events.take(600 * CHANNELS.length, 'message', 'gap');
    for (const channel of CHANNELS) {
      const mine = messages.filter((message) => message.channel === channel);
      expect(mine.map((message) => message.offset)).toEqual(published.get(channel));
    }
    feed.close();
  }
  expect(node.node.stats().repairs).toBeGreaterThan(0);
});
