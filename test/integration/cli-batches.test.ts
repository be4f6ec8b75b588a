// `fanfare publish` with a key, before which a proxy takes less at once than a node does; and while Redis is away.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const KEY = 'publish-key-of-the-tests-0123456789abcdef';
const MAX_BYTES = 2_000;

describe('before a proxy that takes 2,000 bytes', () => {
  let server: ServerProcess;
  let proxy: Server;
  let url: string;
  let bodies: number[];
  beforeAll(async () => {
    const publishKey = `name=shop;key=${KEY};patterns=*;rights=publish read`;
    server = await startFanfare(['start', '--port', '0'], { env: { FANFARE_PUBLISH_KEY: publishKey } });
    bodies = [];
    proxy = createServer(async (request, response) => {
      const body = await text(request);
      bodies.push(body.length);
      if (body.length > MAX_BYTES) return response.writeHead(413).end('<h1>413 Request Entity Too Large</h1>');
      const { authorization = '' } = request.headers;
      const headers = { Authorization: authorization, 'Content-Type': 'application/json' };
      const answer = await fetch(server.url + request.url, { method: 'POST', headers, body });
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(await answer.text());
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    proxy?.close();
    await server?.stop();
  });

  it('a batch is halved until it passes, and the one message that never does is named', async () => {
    const texts = Array.from({ length: 40 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(n === 17 ? 3_000 : 100) }));
    const args = ['publish', 'many', '-', '--publish-key', KEY, '--url', url];
    const { code, stdout, stderr } = await runFanfare(args, { input: texts.join('\n') });
    expect([code, stdout.trim().split('\n').length]).toEqual([1, 39]);
    expect(stderr).toContain('fanfare: many: payload_too_large: ');
    expect(stderr).toContain('not published: 1 of 40, the others are published');
    expect(bodies[0]).toBeGreaterThan(MAX_BYTES);
    const { stdout: kept } = await runFanfare(['history', 'many', '--publish-key', KEY, '--url', server.url]);
    const numbers = kept
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).data.n);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => n !== 17));
  });
});

describe('while Redis is away', () => {
  let redis: RedisServer;
  let server: ServerProcess;
  const env = { FANFARE_AUTH_SECRET: SECRET };
  beforeAll(async () => {
    redis = await startRedis();
    server = await startFanfare(['start', '--port', '0', '--redis-url', redis.url], {
      env: { ...env, FANFARE_CLUSTER_SECRET: 'cluster-secret-of-the-tests-0123456789ab' },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await redis?.stop();
  });

  it('publish says what the server says of it, and ends with 69', async () => {
    const publish = () => runFanfare(['publish', 'news', '1', '--url', server.url], { env });
    expect((await publish()).code).toBe(0);
    await redis.stop();
    const { code, stderr } = await publish();
    expect([code, stderr]).toEqual([
      69,
      expect.stringMatching(/^fanfare: broker_unavailable: Redis cannot be reached/),
    ]);
  }, 30_000);
});
