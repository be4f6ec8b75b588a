// What channels and messages take in Redis: what it says that it uses, before and after very many of them.

import { Redis } from 'ioredis';
import type { Lab } from '../lab.js';
import { connectToRedis, type Publisher } from '../publisher.js';
import { type RedisServer, startRedisServer } from '../redis-server.js';
import { startFanfare } from '../server-process.js';
import { whole } from './page.js';

/** Chosen: so many that what Redis takes by itself is nothing in comparison. */
const CHANNELS = 20_000;
/** Those with a whole history. */
const LONG_CHANNELS = 1_000;
const HISTORY = 100;
const AT_ONCE = 1_000;
const NODE_BYTES = [4_096, 1_024, 512] as const;
/** Data as a JSON text of so many bytes, quotes included. */
const data = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));

interface Ground {
  readonly admin: Redis;
  readonly publisher: Publisher;
}

interface Filling {
  readonly channels: number;
  readonly messages: number;
  readonly bytes: number;
  /** With an idempotency key each. */
  readonly keyed?: boolean;
}

export async function redisBytes({ secrets, log }: Lab): Promise<readonly (readonly string[])[]> {
  const columns: (readonly number[])[] = [];
  const redis = await startRedisServer();
  try {
    // It loads the library of functions, and is gone before anything is counted.
    await (await startFanfare({ ...secrets, redisUrl: redis.url, engine: 'ws' })).close();
    for (const bytes of NODE_BYTES) {
      columns.push(await column(redis, bytes));
      log(`  with ${bytes}: ${columns.at(-1)?.map(whole).join(', ')} bytes`);
    }
  } finally {
    await redis.close();
  }
  return ROWS.map((what, row) => [what, ...columns.map((column) => whole(column[row] ?? Number.NaN))]);
}

const ROWS = [
  'a channel with one message of 100 bytes',
  'a channel with 100 messages of 100 bytes',
  'of those, each message',
  'a channel with 100 messages of 1,000 bytes',
  'of those, each message',
  'an idempotency key, for 10 minutes',
  'a channel whose messages have left: its position, for 30 days',
];

async function column(redis: RedisServer, nodeBytes: number): Promise<readonly number[]> {
  const admin = new Redis({ host: redis.host, port: redis.port });
  const publisher = await connectToRedis(redis);
  const ground = { admin, publisher };
  try {
    await admin.config('SET', 'stream-node-max-bytes', nodeBytes);
    const one = await perChannel(ground, { channels: CHANNELS, messages: 1, bytes: 100 });
    const position = await leftWithoutLogs(ground);
    const keyed = await perChannel(ground, { channels: CHANNELS, messages: 1, bytes: 100, keyed: true });
    const short = await perChannel(ground, { channels: LONG_CHANNELS, messages: HISTORY, bytes: 100 });
    const long = await perChannel(ground, { channels: LONG_CHANNELS, messages: HISTORY, bytes: 1_000 });
    return [one, short, short / HISTORY, long, long / HISTORY, keyed - one, position];
  } finally {
    admin.disconnect();
    publisher.close();
  }
}

/** Bytes for each channel, when all are there. Functions stay. */
async function perChannel({ admin, publisher }: Ground, filling: Filling): Promise<number> {
  await admin.flushall('SYNC');
  const before = await usedBytes(admin);
  const { channels, messages, bytes, keyed = false } = filling;
  const text = data(bytes);
  for (let message = 0; message < messages; message += 1) {
    for (let at = 0; at < channels; at += AT_ONCE) {
      const part = Array.from({ length: Math.min(AT_ONCE, channels - at) }, (_, index) => {
        const call = ['FCALL', 'fanfare_publish', '1', `user:${at + index}`, text];
        return resp(keyed ? [...call, `key-of-mine-${message}`] : call);
      });
      publisher.send(Buffer.from(part.join('')), part.length);
      await publisher.settled();
    }
  }
  return ((await usedBytes(admin)) - before) / channels;
}

/** Of what was filled last: bytes for each channel when `historyTtl` has taken its messages. */
async function leftWithoutLogs({ admin }: Ground): Promise<number> {
  const filled = await usedBytes(admin);
  for (let at = 0; at < CHANNELS; at += AT_ONCE) {
    await admin.del(Array.from({ length: AT_ONCE }, (_, index) => `fanfare:{user:${at + index}}:log`));
  }
  const left = await usedBytes(admin);
  await admin.flushall('SYNC');
  const empty = await usedBytes(admin);
  if (left >= filled) throw new Error('no history was there to be deleted');
  return (left - empty) / CHANNELS;
}

async function usedBytes(admin: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1]);
}

function resp(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
