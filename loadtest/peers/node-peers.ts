// Peers that are programs of Node: the bare loop on ws, and Socket.IO with its Redis adapter.

import { readFileSync } from 'node:fs';
import { Emitter } from '@socket.io/redis-emitter';
import { connectToRedis, type Encode, encodeLive, resp } from '../publisher.js';
import { missingRedis, startRedisServer } from '../redis-server.js';
import { ROOT } from '../root.js';
import { type Conditions, type Contender, type Opened, opening } from '../run/contender.js';
import { LEAN, startBuilt } from '../server-process.js';

export const BARE_WS: Contender = {
  missing: missingRedis,
  configuration: () => source('bare-ws-server.ts', 'ws', 'ioredis'),
  open: (conditions) =>
    openPeer(conditions, 'peers/bare-ws-server.js', {
      encode: encodeLive,
      topic: (channel) => `fanfare:{${channel}}`,
      dialect: 'bare',
    }),
};

export const SOCKETIO: Contender = {
  missing: missingRedis,
  configuration: () =>
    `// messages by @socket.io/redis-emitter: io.to(room).emit("m", message)\n${source('socketio-server.ts', 'socket.io', '@socket.io/redis-adapter', '@socket.io/redis-emitter', 'ioredis')}`,
  open: (conditions) =>
    openPeer(conditions, 'peers/socketio-server.js', {
      encode: encodeForSocketIo(),
      topic: (channel) => channel,
      dialect: 'socketio',
    }),
};

function source(file: string, ...packages: readonly string[]): string {
  const text = readFileSync(new URL(`loadtest/peers/${file}`, ROOT), 'utf8');
  return [...packages.map((name) => `// ${name} ${versionOfPackage(name)}`), text].join('\n');
}

function versionOfPackage(name: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, ROOT), 'utf8')) as {
    version: string;
  };
  return version;
}

function openPeer(
  { arm, instruments }: Conditions,
  file: string,
  how: Pick<Opened, 'encode' | 'topic' | 'dialect'>,
): Promise<Opened> {
  return opening(async (later) => {
    const redis = await startRedisServer();
    later(() => redis.close());
    const isIdle = arm.rate === 'idle';
    const server = await startBuilt(file, { PEER_REDIS_URL: redis.url }, isIdle ? LEAN : []);
    later(() => server.close());
    const publisher = instruments.publisher(await connectToRedis(redis));
    later(() => publisher.close());
    return {
      pid: server.pid,
      ...(await instruments.route(server)),
      redisPids: [redis.pid],
      publisher,
      ...how,
      collects: isIdle,
    };
  });
}

/** What the emitter of Socket.IO would publish. */
function encodeForSocketIo(): Encode {
  let published: Buffer = Buffer.alloc(0);
  const emitter = new Emitter({
    publish: (channel: string, message: Buffer | string) => {
      published = resp('PUBLISH', channel, message);
    },
  });
  return (channel, payload) => {
    emitter.to(channel).emit('m', JSON.parse(payload));
    return published;
  };
}
