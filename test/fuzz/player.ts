// Sends one input, and lets go of its connection.

import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { upgradeText } from '../support/engine-peer.js';
import { frame } from '../support/web-socket-frames.js';
import { type Bytes, type End, type Input, type KeyInput, type SocketInput, type TcpInput, TOKEN } from './input.js';

export interface Place {
  readonly port: number;
  readonly address: string;
  /** In place of `$TOKEN`. */
  readonly token: string;
  readonly redis: Redis;
}

/** Chosen: between segments, so that they arrive as such. */
const SEGMENT_MS = 4;
const ANSWER_MS = 60;
const STAY_MS = 400;
/** Entries of a log or queue that a run leaves behind. */
const MAX_ENTRIES = 500;

/** Resolves when the input has been sent and its connection is given up. Never rejects for what the server does. */
export async function play(input: Input, place: Place): Promise<void> {
  switch (input.road) {
    case 'tcp':
      return playTcp(input, place);
    case 'socket':
      return playSocket(input, place);
    case 'bus':
      await tell(
        place.redis,
        'PUBLISH',
        `fanfare:{${input.channel}}${input.live === true ? ':live' : ''}`,
        latin1(input.payload),
      );
      return;
    case 'log':
      return append(place.redis, `fanfare:{${input.name}}:log`, input.fields);
    case 'queue':
      return append(place.redis, 'fanfare:ingest', input.fields);
    case 'registry':
      await tell(place.redis, 'HSET', 'fanfare:{!cluster}:nodes', input.name, latin1(input.fields[0] ?? ''));
      return;
    case 'key':
      return breakKey(place.redis, input);
  }
}

async function breakKey(redis: Redis, { name, kind, fields }: KeyInput): Promise<void> {
  const key = `fanfare:${name}`;
  const [field = '', value = ''] = fields.map(latin1);
  // Beside what stands there; everything else takes its place.
  if (kind === 'hash') return tell(redis, 'HSET', key, field, value);
  await tell(redis, 'DEL', key);
  if (kind === 'string') return tell(redis, 'SET', key, value);
  if (kind === 'list') return tell(redis, 'RPUSH', key, value);
  return tell(redis, 'ZADD', key, '1', value);
}

async function append(redis: Redis, key: string, fields: readonly Bytes[]): Promise<void> {
  const pairs = fields.length % 2 === 0 ? fields : [...fields, ''];
  await tell(redis, 'XADD', key, 'MAXLEN', '~', String(MAX_ENTRIES), '*', ...pairs.map(latin1));
}

/** What Redis refuses is not what is tried here. */
async function tell(redis: Redis, command: string, ...args: readonly (string | Buffer)[]): Promise<void> {
  await redis.call(command, ...args).catch(() => undefined);
}

function latin1(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

async function playTcp({ segments, end }: TcpInput, place: Place): Promise<void> {
  const socket = await opened(place);
  for (const segment of segments) {
    socket.write(latin1(segment.replaceAll(TOKEN, place.token)));
    await pause(SEGMENT_MS);
  }
  await letGo(socket, end);
}

async function playSocket({ connects, frames, end }: SocketInput, place: Place): Promise<void> {
  const socket = await opened(place);
  socket.write(upgradeText().replace('/ws', '/v1/ws'));
  await pause(ANSWER_MS / 4);
  if (connects) socket.write(frame(JSON.stringify({ type: 'connect', id: 0, version: 1, token: place.token })));
  for (const { payload, ...bits } of frames) {
    socket.write(frame(latin1(payload.replaceAll(TOKEN, place.token)), bits));
    await pause(SEGMENT_MS);
  }
  await letGo(socket, end);
}

function opened({ port, address }: Place): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: address, noDelay: true });
  socket.on('error', () => undefined);
  socket.resume();
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(socket));
  });
}

async function letGo(socket: Socket, end: End): Promise<void> {
  await pause(end === 'stay' ? STAY_MS : ANSWER_MS);
  if (end === 'fin') socket.end();
  if (end === 'reset' && !socket.destroyed) socket.resetAndDestroy();
  if (end === 'fin') await pause(ANSWER_MS);
  socket.destroy();
}
