// The servers that can be put in a run: a Fanfare on each engine, the bare loop, and peers.

import { readFileSync } from 'node:fs';
import { NATS } from '../peers/nats.js';
import { NCHAN } from '../peers/nchan.js';
import { BARE_WS, SOCKETIO } from '../peers/node-peers.js';
import type { Engine } from '../plan/arm.js';
import { connectToRedis, connectToServer, encodeLive, encodeLogged, httpEncoder } from '../publisher.js';
import { missingRedis, startRedisServer } from '../redis-server.js';
import { ROOT } from '../root.js';
import { LEAN, startBare, startFanfare } from '../server-process.js';
import { type Conditions, type Contender, type Opened, opening } from './contender.js';

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
    missing: missingRedis,
    configuration: () =>
      [
        '# fanfare start, one node, everything else as it is by default',
        `FANFARE_ENGINE=${engine}`,
        'FANFARE_LOG_LEVEL=warn',
        '# with the broker "redis": a redis-server of its own, without persistence; messages by FCALL fanfare_publish',
        '# with the broker "memory": messages by POST /v1/publish, one request after the other',
      ].join('\n'),
    open: (conditions) => openFanfare(engine, conditions),
  };
}

function openFanfare(engine: 'uws' | 'ws', { arm, secrets, instruments }: Conditions): Promise<Opened> {
  return opening(async (later) => {
    const redis = arm.broker === 'redis' ? await startRedisServer() : undefined;
    later(() => redis?.close());
    const nodeFlags = arm.rate === 'idle' ? LEAN : [];
    const server = await startFanfare({ engine, ...secrets, nodeFlags, ...(redis ? { redisUrl: redis.url } : {}) });
    later(() => server.close());
    const publisher = instruments.publisher(await (redis ? connectToRedis(redis) : connectToServer(server)));
    later(() => publisher.close());
    return {
      pid: server.pid,
      ...(await instruments.route(server)),
      ...(redis ? { redisPid: redis.pid } : {}),
      publisher,
      encode: redis ? encodeLogged : httpEncoder(server, secrets.publishKey),
      topic: (channel) => channel,
      dialect: 'fanfare',
      secret: secrets.authSecret,
      collects: arm.rate === 'idle',
    };
  });
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
      redisPid: redis.pid,
      publisher,
      encode: encodeLive,
      topic: (channel) => `fanfare:{${channel}}`,
      dialect: 'bare',
      collects: arm.rate === 'idle',
    };
  });
}
