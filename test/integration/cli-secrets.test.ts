// Which secrets the servers take when they run for real: nobody gets in with what stands in the source.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ticketKey } from '../../src/auth/ticket-key.js';
import { DEVELOPMENT_SECRET } from '../../src/config/development.js';
import { BareSocket } from '../conformance/stranger-client.js';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { freePort, type RedisServer, startRedis } from '../support/redis.js';
import { hs256 } from '../unit/auth/jwt.js';

const OWN = 'x'.repeat(40);
const iat = Math.floor(Date.now() / 1000);
const claims = {
  ...{ sub: 'admin', iat, exp: iat + 600 },
  fanfare: { subscribe: ['news'], publish: ['news'], presence: [] },
};
const forTicket = { ...claims, v: 2, iss: 'fanfare', aud: 'fanfare:fanfare', connection: 'forged' };
const TICKET = { alg: 'HS256', typ: 'fanfare-ticket+jwt' };
const token = hs256(claims, { alg: 'HS256', typ: 'JWT' }, DEVELOPMENT_SECRET);
const ticket = hs256(forTicket, TICKET, ticketKey(DEVELOPMENT_SECRET));
const formerTicket = hs256(forTicket, TICKET, DEVELOPMENT_SECRET);

function post(url: string, body: object, bearer?: string): Promise<Response> {
  const headers = {
    'Content-Type': 'application/json',
    ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
  };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function statuses({ url, role }: Pick<ServerProcess, 'url' | 'role'>, bearer: string) {
  const poll = role === 'discovery' ? undefined : await post(`${url}/v1/poll`, { channels: { news: 'now' } }, bearer);
  const publish =
    role === 'discovery' ? undefined : await post(`${url}/v1/publish`, { channel: 'news', data: 1 }, bearer);
  const connect = role === 'node' ? undefined : await post(`${url}/v1/connect`, {}, bearer);
  return { poll: poll?.status, publish: publish?.status, connect: connect?.status };
}

describe('start without any configuration', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startFanfare(['start', '--port', '0', '--log-level', 'info']);
  });
  afterAll(() => server?.stop());

  it('takes tokens and tickets of the development secret, each in its own place', async () => {
    expect(await statuses(server, token)).toEqual({ poll: 200, publish: 200, connect: 200 });
    expect(await statuses(server, ticket)).toEqual({ poll: 200, publish: 200, connect: 401 });
    expect(await statuses(server, formerTicket)).toEqual({ poll: 401, publish: 401, connect: 401 });
  });

  it('has open channels and a token for its page', async () => {
    expect((await post(`${server.url}/v1/poll`, { channels: { 'demo:a': 'now' } })).status).toBe(200);
    expect((await post(`${server.url}/v1/connect`, {})).status).toBe(200);
    expect((await fetch(`${server.url}/demo/token`)).status).toBe(200);
  });

  it('gives the page of its owner a token for everything, and no other', async () => {
    const orders = async (headers: Record<string, string>) => {
      const { token: given } = await (await fetch(`${server.url}/demo/token`, { headers })).json();
      return (await post(`${server.url}/v1/poll`, { channels: { orders: 'now' } }, given)).status;
    };
    expect([await orders({}), await orders({ 'X-Forwarded-For': '203.0.113.7' })]).toEqual([200, 403]);
  });

  it('says that it uses the development secret, and does not show it', () => {
    expect(server.log()).toContain('the development secret, which everybody can read in the source, signs');
    expect(server.log()).not.toContain(DEVELOPMENT_SECRET);
  });
});

describe('nobody gets in with the development secret', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  it.each([
    ['start', 'an auth secret of its own', { FANFARE_AUTH_SECRET: OWN }],
    ['start', 'an auth secret of its own, with ws', { FANFARE_AUTH_SECRET: OWN, FANFARE_ENGINE: 'ws' }],
    ['start', 'a key set', { FANFARE_AUTH_JWKS_URL: 'http://127.0.0.1:9/jwks' }],
    ['start', 'a publish key', { FANFARE_PUBLISH_KEY: OWN }],
    ['start', 'the URL that a proxy serves', { FANFARE_NODE_URL: 'https://push.example.com' }],
    ['start', 'the origins that are the default', { FANFARE_ORIGINS: 'loopback' }],
    ['start', 'Redis', { FANFARE_CLUSTER_SECRET: OWN, redis: 'yes' }],
    ['node', 'a cluster', { FANFARE_CLUSTER_SECRET: OWN, redis: 'yes' }],
    ['discovery', 'a cluster', { FANFARE_CLUSTER_SECRET: OWN, FANFARE_AUTH_SECRET: OWN, redis: 'yes' }],
  ])('at %s with %s', async (role, _, { redis: withRedis, ...given }: Record<string, string>) => {
    const env = { FANFARE_HOST: '127.0.0.1', ...given, ...(withRedis && { FANFARE_REDIS_URL: redis.url }) };
    const port = await freePort('127.0.0.1');
    const { stop } = await startFanfare([role, '--port', String(port)], { env });
    const server = { role, url: `http://127.0.0.1:${port}` };
    for (const forged of [token, ticket, formerTicket]) {
      for (const status of Object.values(await statuses(server, forged))) expect(status ?? 401).toBe(401);
      if (role === 'discovery') continue;
      const socket = await BareSocket.open(server.url);
      socket.command('connect', { version: 1, token: forged });
      expect((await socket.closed).code).toBe(4501);
    }
    expect((await stop()).code).toBe(0);
  });

  it('nor with the page’s token beyond the open namespaces, as soon as anything is configured', async () => {
    const env = { FANFARE_REDIS_URL: redis.url, FANFARE_CLUSTER_SECRET: OWN };
    const server = await startFanfare(['start', '--port', '0'], { env });
    const { token: given } = await (await fetch(`${server.url}/demo/token`)).json();
    const { ticket: placed } = await (await post(`${server.url}/v1/connect`, {}, given)).json();
    const read = async (channel: string, bearer: string) =>
      (await post(`${server.url}/v1/poll`, { channels: { [channel]: 'now' } }, bearer)).status;
    const written = async (channel: string, bearer: string) =>
      (await post(`${server.url}/v1/publish`, { channel, data: 1 }, bearer)).status;
    for (const bearer of [given, placed]) {
      expect([await read('demo:a', bearer), await written('demo:a', bearer)]).toEqual([200, 200]);
      expect([await read('orders', bearer), await written('orders', bearer)]).toEqual([403, 403]);
    }
    await server.stop();
  });

  it('nor in an open namespace or with a token of the page, where a key for tokens is configured', async () => {
    const server = await startFanfare(['start', '--port', '0'], { env: { FANFARE_AUTH_SECRET: OWN } });
    for (const channel of ['demo:a', 'public:a']) {
      expect((await post(`${server.url}/v1/poll`, { channels: { [channel]: '-1' } })).status).toBe(401);
    }
    expect((await post(`${server.url}/v1/connect`, {})).status).toBe(401);
    expect((await fetch(`${server.url}/demo/token`)).status).toBe(404);
    expect(server.log()).toContain('made at random for this process: clusterSecret; tickets');
    await server.stop();
  });

  it('while start with Redis wants a cluster secret, and says how to make one', async () => {
    const { code, stderr } = await runFanfare(['start'], { env: { FANFARE_REDIS_URL: redis.url } });
    expect([code, stderr.trim().split('\n')]).toEqual([
      78,
      [
        expect.stringMatching(
          /^fanfare: clusterSecret \(not set\): needed by start with Redis: .* openssl rand -base64 32/,
        ),
      ],
    ]);
  });
});

describe('fanfare token', () => {
  it('says that it used the development secret, beside the token', async () => {
    const { code, stdout, stderr } = await runFanfare(['token', '--sub', 'u1']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^eyJ[\w.-]+\n$/)]);
    expect(stderr).toContain('only `fanfare start` on this machine without any configuration takes it');
    const own = await runFanfare(['token', '--sub', 'u1', '--subscribe', 'news'], {
      env: { FANFARE_AUTH_SECRET: OWN },
    });
    expect([own.code, own.stderr]).toEqual([0, '']);
  });

  it.each<Record<string, string>>([
    { FANFARE_ORIGINS: 'loopback' },
    { FANFARE_HOST: '0.0.0.0' },
    { FANFARE_CLUSTER_SECRET: OWN },
  ])('signs nothing that a server with %j would not take', async (env) => {
    const { code, stderr } = await runFanfare(['token', '--sub', 'u1'], { env });
    expect([code, stderr]).toEqual([78, expect.stringMatching(/^fanfare: authSecret \(not set\): needed with /)]);
  });
});

describe('fanfare publish', () => {
  it('tells what to do where the server does not take its token', async () => {
    const server = await startFanfare(['start', '--port', '0'], { env: { FANFARE_AUTH_SECRET: OWN } });
    const env = { FANFARE_URL: server.url };
    for (const flags of [[], ['--wait-replicas', '1']]) {
      const wrong = await runFanfare(['publish', 'news', '1', ...flags], { env });
      expect([wrong.code, wrong.stderr]).toEqual([
        1,
        expect.stringMatching(/token_signature_invalid.*--token.*AUTH_SECRET/),
      ]);
    }
    const right = await runFanfare(['publish', 'news', '1'], { env: { ...env, FANFARE_AUTH_SECRET: OWN } });
    expect([right.code, right.stderr]).toEqual([0, '']);
    const mistyped = await runFanfare(['publish', 'news', '1'], { env: { ...env, FANFARE_AUTH_SECRET: 'short' } });
    expect([mistyped.code, mistyped.stderr]).toEqual([
      78,
      expect.stringContaining('authSecret (env FANFARE_AUTH_SECRET)'),
    ]);
    await server.stop();
  });

  it('is anonymous where nobody knows the secret, and says so when that is not enough', async () => {
    const env = { FANFARE_ORIGINS: 'loopback' };
    const server = await startFanfare(['start', '--port', '0'], { env });
    const asClient = { env: { ...env, FANFARE_URL: server.url } };
    expect((await runFanfare(['publish', 'demo:a', '1'], asClient)).code).toBe(0);
    for (const args of [
      ['publish', 'news', '1'],
      ['subscribe', 'news'],
    ]) {
      const refused = await runFanfare(args, asClient);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/forbidden\w*: not without a token: give/),
      ]);
    }
    await server.stop();
  });
});
