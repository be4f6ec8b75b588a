// The SDK's short polls and history of public channels, through a real cache that dies while they are read.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client } from '../../client-sdk/types.js';
import { post } from '../support/http-post.js';
import { cacheSkipReason, type NginxCache, startNginxCacheAt } from '../support/nginx-cache.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { freePorts, privateHost } from '../support/redis.js';

const READERS = 40;
const MESSAGES = 60;
const KEY = 'publish-key-of-the-tests-0123456789';
const CHANNEL = 'pub:x';

describe.skipIf(cacheSkipReason !== undefined)(`the SDK through nginx ${cacheSkipReason ?? ''}`, () => {
  let server: ServerProcess;
  let cache: NginxCache;
  let clients: Client[];
  let requests: string[];

  beforeEach(async () => {
    [clients, requests] = [[], []];
    const host = privateHost();
    const [own = 0, port = 0] = await freePorts(host, 2);
    cache = await startNginxCacheAt({ host, port: own, nodes: [`http://${host}:${port}`] });
    const env = {
      FANFARE_HOST: host,
      FANFARE_PORT: String(port),
      FANFARE_PUBLISH_KEY: KEY,
      FANFARE_CHANNELS_URL: cache.url,
      FANFARE_TRUSTED_PROXIES: '127.0.0.0/8',
      FANFARE_NAMESPACES: JSON.stringify({ default: {}, pub: { public: true, anonymous: true, historySize: 1_000 } }),
    };
    server = await startFanfare(['start'], { env });
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    await server.stop();
    await cache.close();
  });

  const connect = () => {
    const client = createClient({
      url: server.url,
      transports: ['short-poll'],
      pollIntervalMs: 50,
      fetch: (url, init) => {
        requests.push(`${init.method} ${new URL(url).host === new URL(cache.url).host ? 'cache' : 'node'}`);
        return fetch(url, init);
      },
    });
    clients.push(client);
    return client;
  };
  const publish = async (n: number) => {
    const { status } = await post(`${server.url}/v1/publish`, { channel: CHANNEL, data: n }, { ticket: KEY });
    expect(status).toBe(200);
  };
  const count = (text: string) => requests.filter((request) => request === text).length;

  it('reads what is public there, once for all, and of the nodes once it is gone', async () => {
    await publish(0);
    const all = Array.from({ length: READERS }, () => connect().subscribe(CHANNEL, { after: '-1' }));
    /** The next so many messages of each of them; a gap would throw. */
    const read = (messages: number) =>
      Promise.all(
        all.map(async (subscription) => {
          const iterator = subscription[Symbol.asyncIterator]();
          const seen: unknown[] = [];
          while (seen.length < messages) seen.push((await iterator.next()).value?.data);
          return seen;
        }),
      );
    for (let n = 1; n < MESSAGES / 2; n++) await publish(n);
    const half = numbers(0, MESSAGES / 2);
    for (const seen of await read(MESSAGES / 2)) expect(seen).toEqual(half);
    // All was read there; the node was asked by the cache alone, and not once for each reader.
    expect(count('GET cache')).toBeGreaterThan(READERS);
    expect(count('POST node')).toBe(READERS);
    expect(await cache.asked()).toBeLessThan(count('GET cache') / 4);
    const [client] = clients;
    const history = await client?.history(CHANNEL, { last: 3 });
    expect(history?.messages).toHaveLength(3);
    expect(count('POST node')).toBe(READERS);
    await cache.close();
    for (let n = MESSAGES / 2; n < MESSAGES; n++) await publish(n);
    for (const seen of await read(MESSAGES / 2)) expect(seen).toEqual(numbers(MESSAGES / 2, MESSAGES));
    expect(count('POST node')).toBeGreaterThan(READERS);
    expect((await client?.history(CHANNEL))?.messages).toHaveLength(MESSAGES);
  });
});

function numbers(from: number, below: number): readonly number[] {
  return Array.from({ length: below - from }, (_, n) => from + n);
}
