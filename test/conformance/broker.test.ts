// What every broker promises, on the memory broker, on a real Redis and on a real Redis Cluster.

import { afterAll, beforeAll } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeBroker, namespaces } from './broker-suite.js';

let server: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

const redisBroker = (url: string) => createRedisBroker({ url, prefix: 'fanfare', namespaces, logger: silentLogger });

describeBroker('memory', () => createMemoryBroker({ namespaces }));
describeBroker('redis', () => redisBroker(server.url));
describeBroker('Redis Cluster', () => redisBroker(cluster.url));
