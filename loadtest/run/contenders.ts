// The servers that can be put in a run: a Fanfare on each engine, and the bare loop.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Engine } from '../plan/arm.js';
import { connectToRedis, connectToServer, encodeLive, encodeLogged, httpEncoder } from '../publisher.js';
import { startRedisServer } from '../redis-server.js';
import { ROOT } from '../root.js';
import { COLLECTING, startBare, startFanfare } from '../server-process.js';
import { type Conditions, type Contender, type Opened, opening } from './contender.js';

/** Where memory is told, node keeps little room for new objects: see scenarios/connections.ts. */
const LEAN: readonly string[] = [...COLLECTING, '--max-semi-space-size=1'];

export const CONTENDERS: Readonly<Record<Engine, Contender>> = {
  uws: fanfare('uws'),
  ws: fanfare('ws'),
  bare: {
    missing: missingRedis,
    configuration: () => readFileSync(new URL('loadtest/bare/server.ts', ROOT), 'utf8'),
    open: openBare,
  },
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
      collects: arm.rate === 'idle',
    };
  });
}

function missingRedis(): string | undefined {
  return spawnSync('redis-server', ['--version']).error === undefined
    ? undefined
    : 'redis-server is not installed (Debian: redis-server)';
}
