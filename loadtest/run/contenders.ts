// The servers that can be put in a run: a Fanfare on each engine, the bare loop, and peers.

import { readFileSync } from 'node:fs';
import { NATS } from '../peers/nats.js';
import { NCHAN } from '../peers/nchan.js';
import { BARE_WS, SOCKETIO } from '../peers/node-peers.js';
import type { Arm, Engine } from '../plan/arm.js';
import {
  type Address,
  connectInBatches,
  connectToRedis,
  connectToServer,
  encodeItem,
  encodeLive,
  encodeLogged,
  encodeOnCluster,
  encodePublish,
  encodeQueued,
  httpEncoder,
} from '../publisher.js';
import { connectToCluster, type RedisCluster, startRedisCluster } from '../redis-cluster.js';
import { missingRedis, type RedisServer, startRedisServer } from '../redis-server.js';
import { ROOT } from '../root.js';
import { LEAN, startBare, startFanfare } from '../server-process.js';
import { type Conditions, type Contender, type Opened, opening } from './contender.js';
import { channelsOf } from './ground.js';

export const CONTENDERS: Readonly<Record<Engine, Contender>> = {
  uws: fanfare('uws'),
  ws: fanfare('ws'),
  bare: {
    missing: missingRedis,
    configuration: () => readFileSync(new URL('loadtest/bare/server.ts', ROOT), 'utf8'),
    open: openBare,
  },
  'bare-ws': BARE_WS,
  socketio: SOCKETIO,
  nchan: NCHAN,
  nats: NATS,
};

function fanfare(engine: 'uws' | 'ws'): Contender {
  return {
    missing: (broker) => (broker === 'memory' ? undefined : missingRedis()),
    configuration: () =>
      [
        '# fanfare start, one node, everything else as it is by default',
        `FANFARE_ENGINE=${engine}`,
        'FANFARE_LOG_LEVEL=warn',
        '# with the broker "redis": a redis-server of its own, without persistence; messages by FCALL fanfare_publish: kept, numbered, replayed',
        '# with the broker "cluster": the same on a Redis Cluster of three masters, sharded pub/sub',
        '# publish: PUBLISH fanfare:{channel}:live; xadd: XADD fanfare:ingest; over one link, pipelined',
        '# http: POST /v1/publish, one request after the other; http-batch: one request for all that is sent at a time',
      ].join('\n'),
    open: (conditions) => openFanfare(engine, conditions),
  };
}

function openFanfare(engine: 'uws' | 'ws', { arm, secrets, instruments }: Conditions): Promise<Opened> {
  return opening(async (later) => {
    const redis = await redisOf(arm);
    later(() => redis?.close());
    const nodeFlags = arm.rate === 'idle' ? LEAN : [];
    const server = await startFanfare({ engine, ...secrets, nodeFlags, ...(redis ? { redisUrl: redis.url } : {}) });
    later(() => server.close());
    const way = await wayInto(server, redis, arm, secrets.publishKey);
    const publisher = instruments.publisher(way.publisher);
    later(() => publisher.close());
    return {
      pid: server.pid,
      ...(await instruments.route(server)),
      redisPids: redis === undefined ? [] : 'servers' in redis ? redis.servers.map(({ pid }) => pid) : [redis.pid],
      publisher,
      encode: way.encode,
      topic: (channel) => channel,
      dialect: 'fanfare',
      secret: secrets.authSecret,
      collects: arm.rate === 'idle',
    };
  });
}

async function redisOf({ broker }: Arm): Promise<RedisServer | RedisCluster | undefined> {
  if (broker === 'cluster') return startRedisCluster();
  return broker === 'redis' ? startRedisServer() : undefined;
}

type Way = Pick<Opened, 'publisher' | 'encode'>;

async function wayInto(
  server: Address,
  redis: RedisServer | RedisCluster | undefined,
  arm: Arm,
  key: string,
): Promise<Way> {
  const by = arm.publishedBy;
  if (by === 'http-batch') return { publisher: await connectInBatches(server, key), encode: encodeItem };
  if (by === 'http' || redis === undefined) {
    return { publisher: await connectToServer(server), encode: httpEncoder(server, key) };
  }
  if ('servers' in redis) return { publisher: await connectToCluster(redis, channelsOf(arm)), encode: encodeOnCluster };
  const encode = by === 'publish' ? encodePublish : by === 'xadd' ? encodeQueued : encodeLogged;
  return { publisher: await connectToRedis(redis), encode };
}

function openBare({ arm, instruments }: Conditions): Promise<Opened> {
  return opening(async (later) => {
    const redis = await startRedisServer();
    later(() => redis.close());
    const server = await startBare(redis.url, arm.rate === 'idle' ? LEAN : []);
    later(() => server.close());
    const publisher = instruments.publisher(await connectToRedis(redis));
    later(() => publisher.close());
    return {
      pid: server.pid,
      ...(await instruments.route(server)),
      redisPids: [redis.pid],
      publisher,
      encode: encodeLive,
      topic: (channel) => `fanfare:{${channel}}`,
      dialect: 'bare',
      collects: arm.rate === 'idle',
    };
  });
}
