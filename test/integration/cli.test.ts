// The command line as it is shipped: exit codes, messages, the ready line, and the end of a process.

import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Peer } from '../support/engine-peer.js';
import { runFanfare, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

describe('wrong use', () => {
  it('ends with 78 and every mistake, one a line', async () => {
    const { code, stderr, stdout } = await runFanfare(['node', '--port', '70000', '--prot', '1'], {
      env: { FANFARE_ENGINE: 'fast', FANFARE_CLUSTER_SECRET: 'short' },
    });
    expect(code).toBe(78);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toEqual([
      'fanfare: --prot (flag): unknown setting "--prot", did you mean "--port"?',
      'fanfare: port (flag --port): got "70000", expected a whole number 0..65535',
      expect.stringMatching(/^fanfare: clusterSecret \(env FANFARE_CLUSTER_SECRET\): got 5 bytes/),
      'fanfare: engine (env FANFARE_ENGINE): got "fast", expected one of auto, uws, ws',
      expect.stringMatching(/^fanfare: redisUrl \(not set\): needed by node/),
      expect.stringMatching(/^fanfare: nodeUrl \(not set\): needed on host 0\.0\.0\.0/),
    ]);
  });

  it.each([
    [['nod'], "unknown command 'nod'"],
    [['token'], "required option '--sub <user>'"],
    [['publish', 'news'], "missing required argument 'json|-'"],
    [['start', 'now'], 'command line (argument): unexpected "now"'],
    [['config', 'check', '--config'], 'config (flag --config): got nothing, expected a path'],
  ])('ends with 78 at fanfare %j', async (args, message) => {
    const { code, stderr } = await runFanfare(args);
    expect([code, stderr]).toEqual([78, expect.stringContaining(message)]);
  });

  it.each([['--help'], ['--version'], ['node', '--help']])('ends with 0 after %s %s', async (...args) => {
    expect((await runFanfare(args)).code).toBe(0);
  });
});

describe('fanfare config', () => {
  it('finds a good configuration good', async () => {
    const { code, stdout } = await runFanfare(['config', 'check']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('the configuration of start is good')]);
  });

  it('checks the configuration of the role that is named', async () => {
    const { code, stderr } = await runFanfare(['config', 'check', '--role', 'discovery']);
    expect([code, stderr]).toEqual([78, expect.stringContaining('authSecret (not set): needed by discovery')]);
  });

  const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
  const shared = {
    FANFARE_REDIS_URL: 'redis://127.0.0.1:6379',
    FANFARE_CLUSTER_SECRET: SECRET,
    FANFARE_AUTH_SECRET: SECRET,
    FANFARE_AUTH_ISSUER: 'me',
    FANFARE_HOST: '127.0.0.1',
  };

  it('names role and option of each mistake, of one role or of all of them', async () => {
    const env = { ...shared, FANFARE_ENGINE: 'fast', FANFARE_TICKET_TTL: '1s' };
    const errors = async (role: string) =>
      (await runFanfare(['config', 'check', '--role', role], { env })).stderr
        .trim()
        .split('\n')
        .map((line) => line.split(': got')[0]);
    const ofRole = (role: string, key: string, name: string) => `fanfare: ${role}: ${key} (env ${name})`;
    const engine = (role: string) => ofRole(role, 'engine', 'FANFARE_ENGINE');
    const ttl = (role: string) => ofRole(role, 'ticketTtl', 'FANFARE_TICKET_TTL');
    expect(await errors('node')).toEqual([engine('node')]);
    expect(await errors('discovery')).toEqual([ttl('discovery')]);
    expect(await errors('all')).toEqual([ttl('start'), engine('start'), engine('node'), ttl('discovery')]);
  });

  it('names what a role does not use: a mistake on the command line, a note for a variable that processes share', async () => {
    const typed = await runFanfare(['config', 'check', '--role', 'discovery', '--max-channels', '9'], { env: shared });
    expect([typed.code, typed.stderr.trim()]).toEqual([
      78,
      'fanfare: discovery: maxChannels (flag --max-channels): an option of start and node only',
    ]);
    const env = { ...shared, FANFARE_MAX_CHANNELS: '9' };
    const noted = await runFanfare(['config', 'check', '--role', 'discovery'], { env });
    expect([noted.code, noted.stdout]).toEqual([
      0,
      expect.stringContaining(
        'discovery: maxChannels (env FANFARE_MAX_CHANNELS) is not used: an option of start and node',
      ),
    ]);
    const all = await runFanfare(['config', 'check', '--role', 'all', '--max-channels', '9'], { env: shared });
    expect([all.code, all.stdout.match(/^the configuration of \w+ is good$/gm)?.length]).toEqual([0, 3]);
  });

  it.each([
    ['redis+cluster://h/3', 'a Redis Cluster has no databases'],
    ['redis://a,b', 'a redis:// URL names one host'],
    ['redis+sentinel://h', 'a Sentinel URL ends in the name of its master'],
  ])('finds what a process would find at its start in %s', async (url, message) => {
    const env = { ...shared, FANFARE_REDIS_URL: url };
    const { code, stderr } = await runFanfare(['config', 'check', '--role', 'node'], { env });
    expect([code, stderr.trim()]).toEqual([
      78,
      expect.stringMatching(/^fanfare: node: redisUrl \(env FANFARE_REDIS_URL\): /),
    ]);
    expect(stderr).toContain(message);
  });

  it('prints values with their sources, and no secret', async () => {
    const env = { FANFARE_AUTH_SECRET: 'hunter2'.repeat(6), FANFARE_PORT: '0' };
    const { stdout } = await runFanfare(['config', 'print', '--heartbeat', '2s'], { env });
    expect(stdout).toMatch(/^port: 0 +# env FANFARE_PORT$/m);
    expect(stdout).toMatch(/^heartbeat: 2000ms +# flag --heartbeat$/m);
    expect(stdout).not.toContain('hunter2');
  });
});

describe('fanfare token', () => {
  it('prints a token with its grants and life', async () => {
    const flags = ['--sub', 'u1', '--subscribe', 'news,chat:*', '--publish', 'chat:*', '--ttl', '2m'];
    const { code, stdout } = await runFanfare(['token', ...flags]);
    expect(code).toBe(0);
    const claims = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'u1', fanfare: { subscribe: ['news', 'chat:*'], publish: ['chat:*'] } });
    expect(claims.exp - claims.iat).toBe(120);
  });

  it('makes no development token in production', async () => {
    const { code, stderr } = await runFanfare(['token', '--sub', 'u1'], { env: { NODE_ENV: 'production' } });
    expect([code, stderr]).toEqual([78, 'fanfare: authSecret (not set): needed in production\n']);
  });
});

describe('fanfare node', () => {
  let redis: RedisServer;
  let env: Record<string, string>;
  beforeAll(async () => {
    redis = await startRedis();
    env = {
      FANFARE_REDIS_URL: redis.url,
      FANFARE_CLUSTER_SECRET: 'the cluster secret of this test'.replaceAll(' ', '-').padEnd(32, '-'),
      FANFARE_ADMIN_KEY: 'the-admin-key-of-this-test',
      FANFARE_HOST: '127.0.0.1',
      FANFARE_PORT: '0',
    };
  });
  afterAll(() => redis?.stop());

  it('writes one ready line, answers its probes, and ends with 0 when it is asked to', async () => {
    const node = await startFanfare(['node'], { env });
    expect(node).toMatchObject({ role: 'node', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    const live = await fetch(`${node.url}/livez`);
    expect([await live.json(), live.headers.get('fanfare-node')]).toEqual([
      { live: true, timeMs: expect.any(Number) },
      `${hostId()}-p${node.pid}`,
    ]);
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${node.url}/nothing`)).status).toBe(404);
    const { code, stdout } = await node.stop();
    expect([code, stdout.trim().split('\n')]).toEqual([0, [expect.stringContaining('"ready":true')]]);
  });

  it('says once what the build behind the engine uws gets wrong of HTTP', async () => {
    const node = await startFanfare(['node'], { env: { ...env, FANFARE_ENGINE: 'uws' } });
    await node.logged('gets some of HTTP wrong');
    expect(node.log().match(/trailers are taken for a request/g)).toHaveLength(1);
    await node.stop();
  });

  it('shows its metrics to the admin key only, once there is one', async () => {
    const node = await startFanfare(['node'], { env });
    const metrics = async (headers: Record<string, string>) => (await fetch(`${node.url}/metrics`, { headers })).status;
    expect(await metrics({})).toBe(403);
    expect(await metrics({ Authorization: 'Bearer the-admin-key-of-this-tesu' })).toBe(403);
    expect(await metrics({ Authorization: `Bearer ${env.FANFARE_ADMIN_KEY}` })).toBe(200);
    await node.stop();
  });

  it('shows its metrics without an admin key to this machine alone: by its address, by the name asked for, and not by way of a proxy', async () => {
    const { FANFARE_ADMIN_KEY: _key, ...open } = env;
    const node = await startFanfare(['node'], { env: open });
    const { port } = new URL(node.url);
    const metrics = async (...lines: readonly string[]) => {
      const peer = await Peer.connect(Number(port));
      peer.write(['GET /metrics HTTP/1.1', ...lines, 'Connection: close', '', ''].join('\r\n'));
      return (await peer.closed).slice(9, 12);
    };
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', `[::1]:${port}`]) {
      expect([host, await metrics(`Host: ${host}`)]).toEqual([host, '200']);
    }
    for (const host of ['evil.example', `evil.example:${port}`, '10.0.0.1', 'localhost.evil.example', '']) {
      expect([host, await metrics(`Host: ${host}`)]).not.toEqual([host, '200']);
    }
    const forwarding = [
      'Forwarded: for=1.2.3.4',
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: a',
    ];
    for (const line of [
      ...forwarding,
      'X-Real-IP: 1.2.3.4',
      'Via: 1.1 p',
      'CF-Connecting-IP: 1.2.3.4',
      'True-Client-IP: 1.2.3.4',
    ]) {
      expect([line, await metrics('Host: localhost', line)]).toEqual([line, '403']);
    }
    await node.stop();
  });

  it('ends with 78 when the address is in use', async () => {
    const node = await startFanfare(['node'], { env });
    const { port } = new URL(node.url);
    const second = await runFanfare(['node', '--port', port], { env });
    expect([second.code, second.stderr]).toEqual([78, expect.stringContaining('fanfare: address in use')]);
    await node.stop();
  });

  it('turns not ready while Redis is away', async () => {
    const own = await startRedis();
    const node = await startFanfare(['node'], { env: { ...env, FANFARE_REDIS_URL: own.url } });
    await own.stop();
    await node.logged('Redis');
    const answer = await fetch(`${node.url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ ready: false })]);
    // Where Redis is, is for operators.
    const told = async (headers: Record<string, string>) => (await fetch(`${node.url}/readyz`, { headers })).text();
    await expect.poll(() => told({})).toContain('(address)');
    expect(await told({ Authorization: 'Bearer not-the-key' })).not.toContain(String(own.port));
    expect(await told({ Authorization: `Bearer ${env.FANFARE_ADMIN_KEY}` })).toContain(String(own.port));
    expect((await node.stop()).code).toBe(0);
  });
});

/** What of this machine's name a node's id has. */
function hostId(): string {
  return hostname()
    .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
    .slice(0, 48);
}
