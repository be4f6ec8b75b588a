// Discovery as it runs: its server on a port, the registry in a real Redis, nodes that report.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDiscovery, type Discovery } from '../../discovery/handler.js';
import { createDiscoveryServer, type DiscoveryServer, type DiscoveryServerOptions } from '../../discovery/server.js';
import { Membership } from '../../src/auth/membership.js';
import { createTicketAuthority } from '../../src/auth/ticket.js';
import { signToken } from '../../src/auth/token-signer.js';
import { createTokenVerifier } from '../../src/auth/token-verifier.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRegistry } from '../../src/broker/redis/registry.js';
import { createReporter, type Reporter } from '../../src/cluster/load-report.js';
import type { Registry } from '../../src/cluster/registry.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { Origins } from '../../src/http/origins.js';
import { silentLogger } from '../../src/lib/logger.js';
import type { ConnectResponse, Problem } from '../../src/protocol/index.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { node } from '../unit/cluster/test-cluster.js';
import { member, SECRET } from '../unit/discovery/fixture.js';

const ORIGIN = 'https://app.example.com';
const tickets = createTicketAuthority({ secrets: [SECRET], audience: 'test' });

let redis: RedisServer;
let connection: RedisConnection;
let registry: Registry;
beforeAll(async () => {
  redis = await startRedis();
  const namespaces = new Namespaces();
  connection = new RedisConnection({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
  await connection.start();
  registry = createRedisRegistry({ connection, logger: silentLogger });
});
afterAll(async () => {
  connection.close();
  await redis.stop();
});

interface Running {
  readonly url: string;
  readonly port: number;
  readonly server: DiscoveryServer;
  readonly discovery: Discovery;
  close(): Promise<void>;
}

async function run(options: Partial<DiscoveryServerOptions> = {}): Promise<Running> {
  const tokens = createTokenVerifier({ issuers: [{ secret: SECRET }] });
  const parts = { registry, tickets, tokens, membership: new Membership([SECRET]), logger: silentLogger };
  const discovery = createDiscovery(parts, { namespaces: new Namespaces(), origins: new Origins([ORIGIN]) });
  const server = createDiscoveryServer(discovery, { host: '127.0.0.1', port: 0, ...options });
  const { url, port } = await server.start();
  return {
    url,
    port,
    server,
    discovery,
    async close() {
      discovery.close();
      await server.close();
    },
  };
}

const token = (subject: string) => signToken({ secret: SECRET, subject, grants: {}, lifetimeMs: 60_000 });

/** Everything that the peer sends until it closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

describe('3,000 clients at once', () => {
  it('through two discoveries end within 1 % of each other on three nodes that report, and leave no reservation', async () => {
    const discoveries = await Promise.all([run(), run()]);
    const ids = ['n1', 'n2', 'n3'];
    const counts = new Map<string, number>(ids.map((id) => [id, 0]));
    const claims = new Map<string, string[]>(ids.map((id) => [id, []]));
    const reporters: Reporter[] = ids.map((id) =>
      createReporter({
        registry,
        logger: silentLogger,
        intervalMs: 250,
        onVerdict: (verdict) => expect(verdict).toBe('accepted'),
        read() {
          const claimed = claims.get(id) ?? [];
          claims.set(id, []);
          const load = { connections: counts.get(id) ?? 0, claimed, maxConnectsPerSecond: 2_000 };
          return member(node(id, load), Date.now());
        },
      }),
    );
    await Promise.all(reporters.map((reporter) => reporter.start()));

    /** A client: discovery, again when it is told so, then its node, where it shows the ticket. */
    async function client(index: number): Promise<void> {
      const url = discoveries[index % 2]?.url;
      const response = await fetch(`${url}/v1/connect`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${await token(`user-${index}`)}` },
      });
      expect(response.status).toBe(200);
      const body = (await response.json()) as ConnectResponse;
      const { reservation } = tickets.verify(body.ticket);
      counts.set(body.node.id, (counts.get(body.node.id) ?? 0) + 1);
      claims.get(body.node.id)?.push(reservation ?? '');
    }
    // As many requests at a time as one process can have open without refusals of its own.
    let next = 0;
    const lanes = Array.from({ length: 200 }, async () => {
      while (next < 3_000) await client(next++);
    });
    await Promise.all(lanes);

    for (const id of ids) {
      expect(counts.get(id)).toBeGreaterThanOrEqual(990);
      expect(counts.get(id)).toBeLessThanOrEqual(1_010);
    }
    await Promise.all(reporters.map((reporter) => reporter.report()));
    expect((await registry.list()).map(({ connections, reservations }) => [connections, reservations])).toEqual(
      ids.map((id) => [counts.get(id), 0]),
    );
    for (const reporter of reporters) await reporter.stop();
    expect(await registry.list()).toEqual([]);
    for (const discovery of discoveries) await discovery.close();
  });
});

describe('the server', () => {
  it('answers with CORS headers also what is too large, and reads no further', async () => {
    const running = await run();
    const Authorization = `Bearer ${await token('u1')}`;
    const headers = { Authorization, Origin: ORIGIN, 'Content-Type': 'application/json' };
    const body = 'x'.repeat(1_000_000);
    const response = await fetch(`${running.url}/v1/connect`, { method: 'POST', headers, body });
    expect(response.status).toBe(413);
    expect(((await response.json()) as Problem).code).toBe('payload_too_large');
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);

    const socket = connect(running.port, '127.0.0.1');
    const answer = readAll(socket);
    const head = [
      'POST /v1/connect HTTP/1.1',
      'Host: x',
      `Authorization: ${Authorization}`,
      'Transfer-Encoding: chunked',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    for (let chunk = 0; chunk < 40; chunk++) socket.write(`400\r\n${'x'.repeat(1_024)}\r\n`);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    await running.close();
  });

  it('does not take two Authorization headers for one', async () => {
    const running = await run();
    const socket = connect(running.port, '127.0.0.1');
    const answer = readAll(socket);
    const bearer = `Authorization: Bearer ${await token('u1')}`;
    const lines = ['POST /v1/connect HTTP/1.1', 'Host: x', bearer, bearer, 'Content-Length: 0', 'Connection: close'];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(text).toContain('token_malformed');
    await running.close();
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'bad_request'],
    ['a TLS hello', '\x16\x03\x01\x00\xf1\x01', 400, 'bad_request'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
      'bad_request',
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'bad_request',
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400, 'bad_request'],
    ['a header of 20 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'method_not_allowed'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404, 'not_found'],
    [
      'another host in the line',
      'GET http://evil.example/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      404,
      'not_found',
    ],
  ])('refuses %s and serves on', async (_, text, status, code) => {
    const running = await run();
    const socket = connect(running.port, '127.0.0.1');
    const answer = readAll(socket);
    socket.write(text, 'latin1');
    const answered = await answer;
    expect(answered).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answered).toContain(`"code":"${code}"`);
    expect((await fetch(`${running.url}/nowhere`)).status).toBe(404);
    await running.close();
  });

  it.each([
    ['headers that do not end', 'POST /v1/connect HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['a body that does not come', 'POST /v1/connect HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789'],
  ])('gives up on %s', async (_, text) => {
    const running = await run({ requestTimeoutMs: 200 });
    const socket = connect(running.port, '127.0.0.1');
    const answer = readAll(socket);
    socket.write(text.replace('Host: x', `Host: x\r\nAuthorization: Bearer ${await token('u1')}`));
    expect(await answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect((await fetch(`${running.url}/nowhere`)).status).toBe(404);
    await running.close();
  });

  it('outlives peers that go away at any moment', async () => {
    const running = await run();
    const text = `POST /v1/connect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await token('u1')}\r\nContent-Length: 9\r\n\r\n{}       `;
    for (let length = 0; length <= text.length; length += 9) {
      const socket = connect(running.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(text.slice(0, length), () => socket.resetAndDestroy());
      await once(socket, 'close');
    }
    expect((await fetch(`${running.url}/nowhere`)).status).toBe(404);
    expect(running.discovery.stats().internalErrors).toBe(0);
    await running.close();
  });

  it('says when its port is taken', async () => {
    const running = await run();
    await expect(run({ port: running.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await running.close();
  });

  it('closes more than once, and lets nothing in afterwards', async () => {
    const running = await run();
    await fetch(`${running.url}/nowhere`);
    await Promise.all([running.close(), running.close()]);
    await expect(fetch(`${running.url}/nowhere`)).rejects.toThrow();
  });
});

describe('while Redis hangs', () => {
  it('clients are placed among the nodes last known, and in the registry again when it is back', async () => {
    await registry.report(member(node('n9'), Date.now()));
    const running = await run();
    await expect.poll(() => running.discovery.stats().nodes).toBe(1);
    redis.pause();
    try {
      const ask = async (subject: string) =>
        fetch(`${running.url}/v1/connect`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${await token(subject)}` },
        });
      const first = await ask('u1');
      expect(first.status).toBe(200);
      const body = (await first.json()) as ConnectResponse;
      expect(body.node.id).toBe('n9');
      expect(tickets.verify(body.ticket).reservation).toBeUndefined();
      expect((await ask('u2')).status).toBe(200);
      expect(running.discovery.checks()).toMatchObject([{ ok: true }]);
      redis.resume();
      await expect
        .poll(
          async () => {
            const again = (await (await ask(`u${Math.random()}`)).json()) as ConnectResponse;
            return tickets.verify(again.ticket).reservation;
          },
          { timeout: 20_000, interval: 200 },
        )
        .toMatch(/\.n9$/);
    } finally {
      redis.resume();
      await running.close();
    }
  });
});
