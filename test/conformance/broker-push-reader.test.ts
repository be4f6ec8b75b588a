// Both ways to read the bus bring the same: by a reader of our own, and by the Redis client.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';

const BIG_BYTES = 60_000;
const CHANNELS = Array.from({ length: 20 }, (_, n) => `room:${n}`);

const urls: Record<string, string> = {};
let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  server = await startRedis();
  cluster = await startRedisCluster();
  urls.alone = server.url;
  urls.Cluster = cluster.url;
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

describe.each(['alone', 'Cluster'])('Redis %s', (shape) => {
  it.each([true, false])('reads pushes by itself: %s: brings all that is published, in order', async (readsPushes) => {
    const listener = new RecordingListener();
    const options = { url: urls[shape] ?? '', prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
    const broker = createRedisBroker({ ...options, readsPushes });
    onTestFinished(() => broker.close());
    await broker.start(listener);
    await Promise.all(CHANNELS.map((channel) => broker.subscribe(channel)));
    const sent = new Map(CHANNELS.map((channel) => [channel, [] as string[]]));
    const publishing: Promise<unknown>[] = [];
    for (let n = 0; n < 50; n++) {
      for (const [channel, all] of sent) {
        const data = n % 25 === 7 ? `"${n}${'x'.repeat(BIG_BYTES)}"` : `{"n":${n},"text":"ü\\n>3\\r\\n$7"}`;
        all.push(data);
        publishing.push(n % 3 === 0 ? broker.publishLive(channel, data) : broker.publish({ channel, data }));
      }
      // Answers and confirmations come between messages.
      publishing.push(broker.subscribe(`passing:${n}`).then(() => broker.unsubscribe(`passing:${n}`)));
    }
    await Promise.all(publishing);
    await listener.until(() => listener.messages.length === CHANNELS.length * 50);
    for (const [channel, all] of sent) expect(listener.data(channel)).toEqual(all);
    expect(listener.damages).toEqual([]);
  });
});
