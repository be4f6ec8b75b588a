// `fanfare start` as a stranger meets it: one command, one port, no configuration.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followFanfare, runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { startRedis } from '../support/redis.js';

let server: ServerProcess;
let env: Record<string, string>;
beforeAll(async () => {
  server = await startFanfare(['start', '--port', '0']);
  env = { FANFARE_URL: server.url };
});
afterAll(() => server?.stop());

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers });

describe('the page', () => {
  it('is served with a policy that lets it load nothing from elsewhere', async () => {
    const page = await get('/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    const html = await page.text();
    for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      expect([path, (await get(path)).status]).toEqual([path, 200]);
    }
  });

  it('is asked for each time and sent only when it has changed', async () => {
    const first = await get('/');
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const again = await get('/', { 'If-None-Match': first.headers.get('etag') ?? '' });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('has a token of its own, which other pages do not get', async () => {
    expect(await (await get('/demo/token')).json()).toMatchObject({
      token: expect.stringMatching(/^eyJ/),
      user: 'demo',
    });
    expect(await (await get('/demo/token?page=k3x9')).json()).toMatchObject({ user: 'demo-k3x9' });
    expect(await (await get('/demo/token?page=a%0Ab')).json()).toMatchObject({ user: 'demo' });
    expect((await get('/demo/token', { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await get('/demo/token')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

it('serves the SDK to the pages of every origin', async () => {
  const sdk = await get('/sdk.js', { Origin: 'https://app.example.com' });
  expect(sdk.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(sdk.headers.get('access-control-allow-origin')).toBe('*');
  expect(await sdk.text()).toContain('createClient');
});

it('serves discovery on the same port', async () => {
  const { token } = await (await get('/demo/token')).json();
  const connect = (headers: Record<string, string>) => fetch(`${server.url}/v1/connect`, { method: 'POST', headers });
  const answer = await connect({ Authorization: `Bearer ${token}` });
  expect(await answer.json()).toMatchObject({ node: { url: server.url }, ticket: expect.stringMatching(/^eyJ/) });
  const bad = await connect({ Authorization: 'Bearer abc', Origin: 'http://localhost:3000' });
  expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([401, 'http://localhost:3000']);
  expect((await connect({ Origin: 'https://evil.example' })).status).toBe(403);
});

it('refuses a body that is too large, also to a page that must be able to read it', async () => {
  const body = 'x'.repeat(100_000);
  const headers = { Origin: 'http://localhost:3000', 'Content-Type': 'application/json' };
  const answer = await fetch(`${server.url}/v1/connect`, { method: 'POST', headers, body });
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([413, 'http://localhost:3000']);
});

it('believes the proxies that it is told to trust, where it polls as where it connects', async () => {
  const trusting = await startFanfare(['start', '--port', '0'], {
    env: {
      FANFARE_TRUSTED_PROXIES: '127.0.0.1',
      FANFARE_NAMESPACES: '{"pub":{"public":true,"anonymous":true}}',
      FANFARE_POLL_BURST: '13',
      FANFARE_POLLS_PER_SECOND: '1',
      FANFARE_CONNECTS_PER_IP: '1',
    },
  });
  const channels = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`pub:${n}`, 'now']));
  const from = async (address: string, path: string, body: string) => {
    const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': address };
    return (await fetch(`${trusting.url}${path}`, { method: 'POST', headers, body })).status;
  };
  const poll = (address: string) => from(address, '/v1/poll', JSON.stringify({ channels }));
  const connect = (address: string) => from(address, '/v1/connect', '{}');
  expect([await poll('203.0.113.1'), await poll('203.0.113.2:80'), await poll('203.0.113.1:81')]).toEqual([
    200, 200, 429,
  ]);
  const connects = [];
  for (const port of [1, 2, 3, 4]) connects.push(await connect(`203.0.113.1:${port}`));
  expect(connects.filter((status) => status === 200).length).toBeLessThan(4);
  expect(await connect('203.0.113.2')).toBe(200);
  await trusting.stop();
});

it.each(['/../package.json', '/%2e%2e/package.json', '/demo/../../src/cli/main.js', '/page.d.ts'])(
  'serves no file beside the page: %s',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);

it('answers its probes', async () => {
  const { ready, checks } = (await (await get('/readyz')).json()) as { ready: boolean; checks: { name: string }[] };
  expect(ready).toBe(true);
  const names = checks.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
  expect(await (await get('/metrics')).text()).toMatch(/^fanfare_connections\{role="start"\} \d+$/m);
  expect((await fetch(`${server.url}/readyz`, { method: 'POST' })).status).toBe(405);
});

describe('publish and subscribe', () => {
  it.each(['websocket', 'sse', 'long-poll', 'short-poll'])(
    'meet over %s without any configuration',
    async (transport) => {
      const channel = `over-${transport}`;
      const reader = followFanfare(['subscribe', channel, '--transport', transport, '--count', '1'], { env });
      await reader.logged('"type":"subscribed"');
      const published = await runFanfare(['publish', channel, '{"a":1}'], { env });
      expect([published.code, published.stderr]).toEqual([0, '']);
      expect(JSON.parse(await reader.line())).toMatchObject({
        channel,
        offset: published.stdout.trim(),
        data: { a: 1 },
      });
      expect((await reader.finished).code).toBe(0);
    },
  );

  it('publish each line of standard input, and read history', async () => {
    const published = await runFanfare(['publish', 'lines', '-'], { env, input: '1\n"two"\n{"three":3}\n' });
    expect(published.stdout.trim().split('\n')).toHaveLength(3);
    const { stdout } = await runFanfare(['subscribe', 'lines', '--after', '-1', '--count', '3'], { env });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).data);
    expect(lines).toEqual([1, 'two', { three: 3 }]);
  });

  it('store a message once for one key', async () => {
    const publish = () => runFanfare(['publish', 'keyed', '1', '--key', 'k1'], { env });
    const [first, second] = [await publish(), await publish()];
    expect([first.code, second.stdout]).toEqual([0, first.stdout]);
  });

  it('end with 78 at what was typed wrong', async () => {
    const { code, stderr } = await runFanfare(['publish', 'news', 'hello'], { env });
    expect([code, stderr]).toEqual([78, expect.stringContaining('got "hello", expected JSON')]);
    expect((await runFanfare(['subscribe', 'a b'], { env })).code).toBe(78);
    expect((await runFanfare(['subscribe', 'a', '--after', '5'], { env })).code).toBe(78);
  });

  it('end with 1 when the server refuses', async () => {
    const bad = await runFanfare(['publish', 'news', '1', '--token', 'abc'], { env });
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('token_malformed')]);
    const { stdout: token } = await runFanfare(['token', '--sub', 'u1', '--subscribe', 'news']);
    const other = await runFanfare(['subscribe', 'secret', '--token', token.trim()], { env });
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('forbidden_channel')]);
  });

  it('end with 69 when there is no server', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { code } = await runFanfare(['publish', 'news', '1', '--url', `http://127.0.0.1:${port}`]);
    expect(code).toBe(69);
  });

  it('end with 0 when whoever reads the output stops, or on a signal', async () => {
    const reader = followFanfare(['subscribe', 'news'], { env });
    await reader.logged('"type":"subscribed"');
    reader.kill('SIGINT');
    expect((await reader.finished).code).toBe(0);
  });
});

describe('the end', () => {
  it('comes with 0 after SIGTERM, and its clients are told to come back', async () => {
    const own = await startFanfare(['start', '--port', '0']);
    const reader = followFanfare(['subscribe', 'news', '--transport', 'websocket'], { env: { FANFARE_URL: own.url } });
    await reader.logged('"type":"subscribed"');
    expect((await own.stop()).code).toBe(0);
    await reader.logged('"type":"waiting"');
    reader.kill('SIGTERM');
    await reader.finished;
  });

  it('shows no token and no secret in the log', async () => {
    expect(server.log()).not.toMatch(/eyJ|development-secret-/);
  });
});

describe('with Redis', () => {
  const secrets = { FANFARE_CLUSTER_SECRET: 'c'.repeat(40), FANFARE_AUTH_SECRET: 'a'.repeat(40) };
  const asClient = (url: string) => ({
    env: { FANFARE_URL: url, FANFARE_AUTH_SECRET: secrets.FANFARE_AUTH_SECRET },
  });

  it('is a member of the cluster: one publishes, the other delivers', async () => {
    const redis = await startRedis();
    const setup = { env: { ...secrets, FANFARE_REDIS_URL: redis.url } };
    const [one, two] = await Promise.all([
      startFanfare(['start', '--port', '0', '--node-id', 'one'], setup),
      startFanfare(['start', '--port', '0', '--node-id', 'two'], setup),
    ]);
    const reader = followFanfare(['subscribe', 'news', '--count', '1'], asClient(one.url));
    await reader.logged('"type":"subscribed"');
    const { code } = await runFanfare(['publish', 'news', '"hi"'], asClient(two.url));
    expect([code, JSON.parse(await reader.line()).data]).toEqual([0, 'hi']);
    expect((await one.stop()).code).toBe(0);
    expect((await two.stop()).code).toBe(0);
    await redis.stop();
  });

  it('ends at once at the second signal, while a drain waits for its clients', async () => {
    const redis = await startRedis();
    const own = await startFanfare(['start', '--port', '0'], { env: { ...secrets, FANFARE_REDIS_URL: redis.url } });
    const reader = followFanfare(['subscribe', 'news'], asClient(own.url));
    await reader.logged('"type":"subscribed"');
    own.kill('SIGTERM');
    await own.logged('draining');
    own.kill('SIGTERM');
    expect((await own.finished).code).toBe(143);
    reader.kill('SIGTERM');
    await reader.finished;
    await redis.stop();
  });
});
