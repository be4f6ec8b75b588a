// What the Redis broker answers while Redis is away, hangs, is full, is a replica, or refuses the user.

import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FanfareError } from '../../src/lib/errors.js';
import { silentLogger } from '../../src/lib/logger.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, type RedisServerOptions, startRedis } from '../support/redis.js';

const ALL = { maxEntries: 1_000, maxBytes: 1024 * 1024 };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function redis(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  closing.push(() => server.stop());
  return server;
}

function brokerAt(url: string, startTimeoutMs = 10_000): Broker {
  const namespaces = new Namespaces();
  const broker = createRedisBroker({ url, prefix: 'fanfare', namespaces, logger: silentLogger, startTimeoutMs });
  closing.push(() => broker.close());
  return broker;
}

async function started(url: string) {
  const broker = brokerAt(url);
  const listener = new RecordingListener();
  await broker.start(listener);
  return { broker, listener };
}

/** A broker beside the connection that carries its commands: that one is lost by itself, and another carries what is heard. */
async function startedBeside(url: string) {
  const options = { url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
  const connection = new RedisConnection(options);
  closing.push(() => connection.close());
  await connection.start();
  const broker = createRedisBroker({ ...options, connection });
  closing.push(() => broker.close());
  const listener = new RecordingListener();
  await broker.start(listener);
  return { broker, listener, connection };
}

function errorOf(attempt: Promise<unknown>): Promise<FanfareError | undefined> {
  return attempt.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof FanfareError) return error;
      throw error;
    },
  );
}

const publish = (broker: Broker, data = '1') => broker.publish({ channel: 'news', data });
const ready = (broker: Broker) => expect.poll(() => broker.status().ready).toBe(true);

describe('start is refused, saying what to change,', () => {
  const startError = (url: string, timeoutMs?: number) =>
    errorOf(brokerAt(url, timeoutMs).start(new RecordingListener()));

  test('when nothing listens', async () => {
    const server = await redis();
    await server.stop();
    const error = await startError(server.url, 200);
    expect(error).toMatchObject({ code: 'broker_unavailable' });
    expect(error?.message).toMatch(/cannot be reached: connect ECONNREFUSED 127\.[\d.:]+$/);
  });

  test('without a password where Redis asks for one, and with a wrong one, which is not repeated', async () => {
    const server = await redis({ password: 'right horse' });
    await started(server.url);
    expect((await startError(server.url.replace(/:[^/@]*@/, '')))?.message).toContain('asks for a password');
    const wrong = await startError(server.url.replace('right', 'wrong'));
    expect(wrong?.message).toContain('refuses the user or password');
    expect(wrong?.message).not.toContain('horse');
  });

  test('when the user lacks a command or a channel', async () => {
    const server = await redis();
    const url = (user: string) => server.url.replace('//', `//${user}:pw@`);
    await server.admin.call('ACL', 'SETUSER', 'loader', 'on', '>pw', '~*', '&*', '+@all', '-function');
    expect((await startError(url('loader')))?.message).toMatch(/docs\/OPERATIONS\.md.*function/);
    await server.admin.call('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', 'resetchannels', '+@all');
    expect((await startError(url('deaf')))?.message).toContain('lacks a permission');
    await server.admin.call('ACL', 'SETUSER', 'node', 'on', '>pw', '~fanfare:*', '&fanfare:*', '+@all');
    const { broker, listener } = await started(url('node'));
    await broker.subscribe('news');
    await publish(broker);
    await listener.until(() => listener.messages.length === 1);
  });

  test('on a read-only replica', async () => {
    const master = await redis();
    const replica = await redis({ args: ['--replicaof', master.host, String(master.port)] });
    expect((await startError(replica.url))?.message).toContain('read-only replica');
  });
});

describe('while Redis is away', () => {
  test('everything fails at once with broker_unavailable, and works again when it is back', async () => {
    const server = await redis();
    const { broker, listener, connection } = await startedBeside(server.url);
    await broker.subscribe('news');
    await publish(broker);
    await server.kill();
    // Until then a publish is sent, and what becomes of it is unknown.
    await expect.poll(() => connection.status().ready).toBe(false);
    expect(broker.status().ready).toBe(false);
    const attempts = [
      publish(broker),
      broker.read('news', '-1', ALL),
      broker.subscribe('more'),
      broker.tails(['news']),
    ];
    // All at once: one that is refused before the one before it would have nobody who waits for it.
    for (const error of await Promise.all(attempts.map(errorOf))) {
      expect(error).toMatchObject({ code: 'broker_unavailable', retryAfterMs: 1_000 });
    }
    await server.restart();
    await listener.until(() => listener.resubscriptions.length === 1);
    expect(listener.resubscriptions).toEqual(['news']);
    await ready(broker);
    const offset = await publish(broker, '"back"');
    await listener.until(() => listener.data('news').includes('"back"'));
    await broker.subscribe('more');
    expect((await broker.read('news', '-1', ALL)).tail).toBe(offset);
  });

  test('a client that ended by itself, as ioredis does in some failovers, is connected again', async () => {
    const server = await redis();
    const options = { url: server.url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
    const connection = new RedisConnection(options);
    closing.push(() => connection.close());
    await connection.start();
    const ended = once(connection.client, 'end');
    connection.client.disconnect();
    await ended;
    await expect.poll(() => connection.status().ready).toBe(true);
    await connection.close();
    expect(connection.client.status).toBe('end');
  });

  test('a publish that was sent before the connection broke has an unknown outcome', async () => {
    const server = await redis();
    const { broker } = await started(server.url);
    server.pause();
    const attempt = errorOf(publish(broker));
    await server.restart();
    expect(await attempt).toMatchObject({ code: 'ack_timeout', outcome: 'unknown' });
  });
});

describe('while Redis hangs', () => {
  test('a publish gives up with an unknown outcome, a read with broker_unavailable, before the connection does', async () => {
    const server = await redis();
    const { broker, connection } = await startedBeside(server.url);
    server.pause();
    const errors = await Promise.all([errorOf(publish(broker, '"late"')), errorOf(broker.read('news', 'now', ALL))]);
    expect(connection.status().ready).toBe(true);
    expect(errors.map((error) => error?.code)).toEqual(['ack_timeout', 'broker_unavailable']);
    server.resume();
    // The late answers belong to nobody: the next command gets its own.
    const page = await broker.read('news', '-1', ALL);
    expect(page.entries.map(({ data }) => String(data))).toEqual(['"late"']);
  });
});

describe('when Redis cannot store', () => {
  test('publishing says storage_full at maxmemory, and reading goes on', async () => {
    const server = await redis();
    const { broker } = await started(server.url);
    const offset = await publish(broker);
    await server.admin.config('SET', 'maxmemory', '1mb');
    expect(await errorOf(publish(broker))).toMatchObject({ code: 'storage_full' });
    expect(await broker.read('news', offset, ALL)).toMatchObject({ gap: undefined, tail: offset });
  });

  test('being full stays told while other publishes are stored, until 10 s have passed without a refusal', async () => {
    const server = await redis();
    const logger = new RecordingLogger();
    const options = { url: server.url, prefix: 'fanfare', namespaces: new Namespaces(), logger };
    const connection = new RedisConnection(options);
    closing.push(() => connection.close());
    await connection.start();
    const broker = createRedisBroker({ ...options, connection });
    closing.push(() => broker.close());
    await broker.start(new RecordingListener());
    vi.useFakeTimers({ toFake: ['performance'] });
    closing.push(async () => vi.useRealTimers());
    const full = { ready: true, detail: 'Redis has reached its maxmemory: publishes are refused' };
    // In turns, as the masters of a Cluster of which one is full answer.
    for (let turn = 0; turn < 3; turn++) {
      await server.admin.config('SET', 'maxmemory', '1mb');
      expect(await errorOf(publish(broker))).toMatchObject({ code: 'storage_full' });
      expect(broker.status()).toMatchObject(full);
      await server.admin.config('SET', 'maxmemory', '0');
      await publish(broker);
      expect(broker.status()).toMatchObject(full);
    }
    expect(logger.texts('warn').filter((text) => text === full.detail)).toHaveLength(1);
    vi.advanceTimersByTime(9_999);
    expect(connection.status()).toMatchObject(full);
    vi.advanceTimersByTime(1);
    expect(connection.status()).toMatchObject({ ready: true, detail: '' });
  });

  test('publishing says replicas_unavailable without enough replicas, and reading goes on', async () => {
    const server = await redis();
    const { broker } = await started(server.url);
    const offset = await publish(broker);
    await server.admin.config('SET', 'min-replicas-to-write', '1');
    expect(await errorOf(publish(broker))).toMatchObject({ code: 'replicas_unavailable', retryAfterMs: 1_000 });
    expect(await broker.read('news', offset, ALL)).toMatchObject({ gap: undefined, tail: offset });
  });

  test('publishing says broker_unavailable on what became a replica, and recovers when it is a master again', async () => {
    const server = await redis();
    const { broker } = await started(server.url);
    const first = await publish(broker);
    await server.admin.call('REPLICAOF', '127.0.0.1', '1');
    expect(await errorOf(publish(broker))).toMatchObject({ code: 'broker_unavailable' });
    await expect.poll(() => broker.status().detail).toContain('read-only replica');
    await server.admin.call('REPLICAOF', 'NO', 'ONE');
    await ready(broker);
    expect((await publish(broker)) > first).toBe(true);
  });
});
