// Bad inputs that take more than one message: storms, a reader that stops, a broker or nodes that are away.

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis.js';
import { frame } from '../support/web-socket-frames.js';
import { sendRaw } from './bad-inputs-send.js';
import { AssaultedServer, PUBLISH_KEY, userToken } from './bad-inputs-server.js';
import { TOKEN_SECRET } from './bad-inputs-token.js';
import { BareSocket } from './stranger-client.js';
import { startServer } from './stranger-server.js';

const CLUSTER_SECRET = 'the-secret-of-the-cluster-in-this-suite';
const AUTH = { FANFARE_AUTH_SECRET: TOKEN_SECRET, FANFARE_CLUSTER_SECRET: CLUSTER_SECRET };

/** A server of one test's own. */
async function startOwn(env: Readonly<Record<string, string>>): Promise<AssaultedServer> {
  const server = await AssaultedServer.start({ ...AUTH, ...env });
  onTestFinished(() => server.stop());
  return server;
}

function publish(url: string, data: unknown, channel = 'ok'): Promise<Response> {
  return fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel, data }),
  });
}

describe.each(['uws', 'ws'])('under bad conditions, the %s engine', (engine) => {
  let server: AssaultedServer;
  beforeAll(async () => {
    server = await AssaultedServer.start({
      ...AUTH,
      FANFARE_ENGINE: engine,
      FANFARE_MAX_BUFFERED_BYTES: '256kb',
      FANFARE_NAMESPACES: '{"default":{"historySize":2000}}',
    });
  });
  afterAll(() => server?.stop());

  it('cuts a client that stops reading, which then resumes and misses nothing, and nobody else notices', async () => {
    const reader = await BareSocket.connected(server.url, userToken());
    reader.socket.command('subscribe', { channels: { ok: 'now' } });
    const { offset } = await reader.socket.nextOf('subscribed');
    reader.socket.pause();
    const published: string[] = [];
    // Until it is cut: the kernel's buffers take a few MB first.
    while (reader.socket.isOpen && published.length < 2_000) {
      const answer = (await (await publish(server.url, 'x'.repeat(60_000))).json()) as { offset: string };
      published.push(answer.offset);
      if (published.length % 100 === 0) {
        await server.isUnharmed();
        if ((await server.metric('fanfare_slow_consumers_total')) > 0) break;
      }
    }
    expect(await server.metric('fanfare_slow_consumers_total')).toBeGreaterThan(0);
    reader.socket.resume();
    expect([1006, 4002]).toContain((await reader.socket.closed).code);

    const { socket } = await BareSocket.connected(server.url, userToken());
    socket.command('subscribe', { channels: { ok: offset } });
    expect(await socket.nextOf('subscribed')).toMatchObject({ offset, recovered: true });
    for (const missed of published) expect((await socket.next()).offset).toBe(missed);
    await socket.close();
    await server.isUnharmed();
  });

  it('survives 200 clients that vanish at every stage of their handshake', async () => {
    const port = server.port;
    const stages = ['', 'GET /v1/ws', 'GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'];
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        await once(socket, 'connect');
        socket.write(stages[index % stages.length] ?? '');
        socket.resetAndDestroy();
      }),
    );
    await server.isUnharmed();
  });
});

describe.concurrent.each(['uws', 'ws'])('the %s engine', (engine) => {
  it('closes a link on which a frame drips in, byte by byte', async ({ onTestFinished: afterwards }) => {
    const slow = await AssaultedServer.start({ ...AUTH, FANFARE_ENGINE: engine, FANFARE_HEARTBEAT: '1s' });
    afterwards(() => slow.stop());
    const bytes = Array.from(frame('x'.repeat(60_000)).subarray(0, 100), (byte) => Buffer.from([byte]));
    const row = { kind: 'raw', group: '', title: '', open: true, everyMs: 100, repeat: true } as const;
    await sendRaw(slow.port, { ...row, segments: bytes, expect: 'refused' });
    await slow.isUnharmed();
  });
});

describe('with Redis, a server', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  it.each(['uws', 'ws'])(
    'with %s refuses an id that is still in use, and answers the first command',
    async (engine) => {
      const server = await startOwn({ FANFARE_ENGINE: engine, FANFARE_REDIS_URL: redis.url });
      const { socket } = await BareSocket.connected(server.url, userToken());
      const command = '{"type":"publish","id":7,"channel":"ok","data":1}';
      // Both in one segment, and Redis has to be asked: the first is not answered when the second is read.
      socket.write(Buffer.concat([frame(command), frame(command)]));
      expect(await socket.next()).toMatchObject({ type: 'error', id: 7, code: 'duplicate_id' });
      expect(await socket.next()).toMatchObject({ type: 'published', id: 7 });
      await socket.close();
      await server.isUnharmed();
    },
    30_000,
  );

  it('that is discovery answers 503 no_capacity with Retry-After while no node is alive', async () => {
    const empty = await startRedis();
    onTestFinished(() => empty.stop());
    const server = await startServer('discovery', {
      ...AUTH,
      FANFARE_HOST: '127.0.0.1',
      FANFARE_REDIS_URL: empty.url,
    });
    onTestFinished(async () => void (await server.stop()));
    const headers = { Authorization: `Bearer ${userToken()}` };
    const response = await fetch(`${server.url}/v1/connect`, { method: 'POST', headers });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: 'no_capacity', retryAfterMs: expect.any(Number) });
  });

  it('limits the calls of discovery of one user with 429, and nobody else’s', async () => {
    const server = await startOwn({});
    const call = (token: string): Promise<Response> =>
      fetch(`${server.url}/v1/connect`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
    const one = userToken();
    const answers = await Promise.all(Array.from({ length: 100 }, () => call(one)));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThan(50);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('ratelimit')).toMatch(/^"connects";r=0;t=\d+$/);
    expect(await refused[0]?.json()).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
    expect((await call(userToken())).status).toBe(200);
    await server.isUnharmed();
  });
});

describe('while Redis hangs', () => {
  it('a publish fails meanwhile, links stay, and what comes later arrives', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const server = await startOwn({ FANFARE_REDIS_URL: redis.url });
    const { socket } = await BareSocket.connected(server.url, userToken());
    socket.command('subscribe', { channels: { ok: 'now' } });
    await socket.nextOf('subscribed');
    redis.pause();
    const response = await publish(server.url, 'lost or not');
    expect([503, 504]).toContain(response.status);
    const problem = (await response.json()) as { code: string; outcome?: string };
    expect(problem).toMatchObject(
      response.status === 503 ? { code: 'broker_unavailable' } : { code: 'ack_timeout', outcome: 'unknown' },
    );
    redis.resume();
    await expect.poll(async () => (await publish(server.url, 'after')).status).toBe(200);
    while ((await socket.nextOf('message')).data !== 'after');
    await socket.close();
  });
});
