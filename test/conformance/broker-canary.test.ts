// A subscriber connection that is open and hears nothing is noticed, told, and made anew.

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createRedisBroker, type RedisBusBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type DeafProxy, startDeafProxy } from '../support/deaf-proxy.js';
import { RecordingListener } from '../support/recording-listener.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
let proxy: DeafProxy;
let broker: RedisBusBroker;
let listener: RecordingListener;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());
beforeEach(async () => {
  proxy = await startDeafProxy(redis);
  broker = createRedisBroker({
    url: proxy.url,
    prefix: 'fanfare',
    namespaces: new Namespaces(),
    logger: silentLogger,
  });
  listener = new RecordingListener();
  await broker.start(listener);
  await broker.subscribe('news');
});
afterEach(async () => {
  await broker.close();
  await proxy.close();
});

test('a connection on which all is silent is made anew after 3 canaries, and its channels stand again', async () => {
  const before = proxy.subscribers;
  proxy.silence();
  await broker.publish({ channel: 'news', data: '"unheard"' });
  await listener.until(() => listener.resubscriptions.includes('news'));
  expect(listener.messages).toEqual([]);
  expect(broker.stats()).toMatchObject({ canaryMisses: 3, subscriberRebuilds: 1 });
  expect(proxy.subscribers).toBe(before + 1);
  await broker.publish({ channel: 'news', data: '"heard"' });
  await listener.until(() => listener.data('news').includes('"heard"'));
  await expect.poll(() => broker.status().ready).toBe(true);
});

test('who stays deaf is not ready, with since when, until a canary comes', async () => {
  const before = Date.now();
  proxy.withhold();
  await expect
    .poll(() => broker.status())
    .toMatchObject({
      ready: false,
      detail: 'the subscriber connection to Redis is deaf',
    });
  const { sinceMs } = broker.status();
  expect(sinceMs).toBeGreaterThanOrEqual(before);
  await expect.poll(() => broker.stats().subscriberRebuilds).toBe(2);
  expect(broker.status()).toMatchObject({ ready: false, sinceMs });

  proxy.hear();
  await expect.poll(() => broker.status().ready).toBe(true);
});

test('the proxy withholds a message that comes in one piece with answers, and passes those', async () => {
  const { hostname, port } = new URL(proxy.url);
  const socket = connect(Number(port), hostname);
  socket.setEncoding('latin1');
  proxy.withhold();
  // With RESP3 a subscriber may publish: then the message comes between two answers.
  const commands = [['HELLO', '3'], ['SUBSCRIBE', 'own'], ['PING'], ['PUBLISH', 'own', 'unheard'], ['ECHO', 'the end']];
  const line = (word: string) => `$${word.length}\r\n${word}\r\n`;
  socket.write(commands.map((words) => `*${words.length}\r\n${words.map(line).join('')}`).join(''));
  let text = '';
  while (!text.endsWith('the end\r\n')) text += await once(socket, 'data');
  socket.destroy();
  expect(text).toMatch(/own\r\n:1\r\n\+PONG\r\n:1\r\n\$7\r\nthe end\r\n$/);
});

test('a Redis that hangs is not taken for a deaf connection', async () => {
  redis.pause();
  try {
    await expect(broker.publish({ channel: 'news', data: '1' })).rejects.toMatchObject({ code: 'ack_timeout' });
    expect(broker.stats().subscriberRebuilds).toBe(0);
  } finally {
    redis.resume();
  }
});
