// Processes on Redis behind TLS, certificates and Sentinels: what works, and in which words what does not is told.

import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { startManagedRedis } from '../support/managed-redis.js';
import { type Finished, runFanfare, startFanfare } from '../support/process.js';
import { readinessOf } from '../support/readiness.js';
import { privateHost, type RedisServer, type RedisServerOptions, startRedis } from '../support/redis.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import { type Secured, startSentinel } from '../support/redis-sentinel.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const host = privateHost();

let certificates: Certificates;
let strangers: Certificates;
beforeAll(() => {
  certificates = makeCertificates(['DNS:localhost', 'IP:127.0.0.1', `IP:${host}`]);
  strangers = makeCertificates(['DNS:localhost']);
});
afterAll(() => {
  certificates.remove();
  strangers.remove();
});

/** Tests run side by side, each with servers of its own: what they do most of the time is to wait for processes. */
async function redis(context: TestContext, options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startRedis({ host, ...options });
  context.onTestFinished(() => server.stop());
  return server;
}

type Env = Readonly<Record<string, string>>;

const envOf = (url: string, more: Env = {}) => ({
  FANFARE_REDIS_URL: url,
  FANFARE_HOST: '127.0.0.1',
  FANFARE_PORT: '0',
  FANFARE_AUTH_SECRET: SECRET,
  FANFARE_CLUSTER_SECRET: SECRET,
  FANFARE_LOG_LEVEL: 'warn',
  ...more,
});

/** A node is ready there, and ends as it was told. */
async function serves(url: string, more: Env = {}): Promise<void> {
  const node = await startFanfare(['node'], { env: envOf(url, more) });
  await eventually(async () => {
    const { status } = await readinessOf(node.url);
    return status === 200 || String(status);
  }, 30_000);
  expect((await node.stop()).code).toBe(0);
}

const attempt = (url: string, more: Env = {}, role = 'node'): Promise<Finished> =>
  runFanfare([role], { env: envOf(url, more) });

const lineOf = ({ stderr }: Finished) => stderr.split('\n').find((line) => line.startsWith('fanfare:'));

describe('TLS', () => {
  it.concurrent('a server, a Cluster and Sentinels whose certificates nobody vouches for are refused in OpenSSL’s words', async (context) => {
    const single = await redis(context, { tls: { certificates, clients: 'no' } });
    const cluster = await startRedisCluster(certificates);
    context.onTestFinished(() => cluster.stop());
    const sentinel = single.url.replace('rediss:', 'rediss+sentinel:').concat('/main');
    const strange = { FANFARE_REDIS_CA: strangers.ca };
    const all = await Promise.all([single.url, cluster.url, sentinel].map((url) => attempt(url, strange)));
    for (const finished of all) {
      expect([finished.code, lineOf(finished)]).toEqual([69, expect.stringMatching(/cannot be reached.*certificate/)]);
    }
  });

  it.concurrent('a server that wants a client’s certificate says so, and serves who shows one', async (context) => {
    const { url } = await redis(context, { tls: { certificates, clients: 'yes' } });
    const { ca, client } = certificates;
    const without = await attempt(url, { FANFARE_REDIS_CA: ca });
    expect([without.code, lineOf(without)]).toEqual([69, expect.stringMatching(/certificate required/)]);
    await serves(url, {
      FANFARE_REDIS_CA: ca,
      FANFARE_REDIS_CERT: client.certificate,
      FANFARE_REDIS_KEY: client.key,
    });
  });

  it.concurrent('what the URL would not use is refused with 78', async () => {
    const { ca, client } = certificates;
    const more = { FANFARE_REDIS_CA: ca, FANFARE_REDIS_CERT: client.certificate, FANFARE_REDIS_SENTINEL_AUTH: 'a:b' };
    const { code, stderr } = await attempt('redis://127.0.0.1:1', more);
    expect(code).toBe(78);
    expect(stderr).toMatch(/redisCa .*: used with TLS alone: write rediss:\/\//);
    expect(stderr).toMatch(/redisCert .*: used together with redisKey: set FANFARE_REDIS_KEY/);
    expect(stderr).toMatch(/redisSentinelAuth .*: used with Sentinels alone/);
    const missing = await attempt('rediss://127.0.0.1:1', { FANFARE_REDIS_CA: '/nowhere/ca.pem' });
    expect(missing.stderr).toMatch(/redisCa .*cannot read "\/nowhere\/ca.pem": there is no such file/);
  });
});

describe('Sentinels', () => {
  const password = 'redis-password';

  async function watched(context: TestContext, secured?: Partial<Secured>): Promise<string> {
    const tls = secured === undefined ? {} : { tls: { certificates, clients: 'no' } as const };
    const own = ['--masterauth', password, '--repl-diskless-sync-delay', '0'];
    const args = secured === undefined ? own : [...own, '--tls-replication', 'yes'];
    const master = await redis(context, { password, args, ...tls });
    const replica = await redis(context, {
      password,
      args: [...args, '--replicaof', host, String(master.port)],
      ...tls,
    });
    await eventually(async () => {
      const info = await replica.admin.info('replication');
      return info.includes('master_link_status:up') || info;
    }, 20_000);
    const sentinel = await startSentinel(
      master,
      1,
      secured && { certificates, password: 'theirs', redisPassword: password, ...secured },
    );
    context.onTestFinished(() => sentinel.stop());
    return sentinel.url;
  }

  it.concurrent('with a password of their own and TLS serve who gives it, and refuse others with 78', async (context) => {
    const url = await watched(context, {});
    const ca = { FANFARE_REDIS_CA: certificates.ca };
    await serves(url, { ...ca, FANFARE_REDIS_SENTINEL_AUTH: 'theirs' });
    const wrong = await Promise.all([attempt(url, ca), attempt(url, { ...ca, FANFARE_REDIS_SENTINEL_AUTH: 'wrong' })]);
    for (const finished of wrong) {
      expect([finished.code, lineOf(finished)]).toEqual([
        78,
        expect.stringMatching(/redisUrl: the Sentinels refuse the user or password.*FANFARE_REDIS_SENTINEL_AUTH/),
      ]);
    }
  });

  it.concurrent('with the password of Redis need no other', async (context) => {
    await serves(await watched(context, { password }), { FANFARE_REDIS_CA: certificates.ca });
  });
});

describe('a Redis without a command of ours, or with another name for it, refuses the start with 78', () => {
  it.concurrent.for(['XADD', 'TIME', 'PUBLISH', 'SUBSCRIBE', 'INFO', 'FCALL', 'FUNCTION'])(
    '%s',
    async (command, context) => {
      const { url } = await redis(context, { args: ['--rename-command', command, command === 'XADD' ? 'HIDDEN' : ''] });
      for (const finished of await Promise.all([attempt(url), attempt(url, {}, 'discovery')])) {
        expect([finished.code, lineOf(finished)]).toEqual([
          78,
          expect.stringMatching(new RegExp(`redisUrl: Redis lacks a command .*, ${command}\\b.*rename-command`)),
        ]);
      }
    },
  );
});

describe('what managed Redis and Valkey refuse', () => {
  it.concurrent.for<readonly [string, readonly string[]]>([
    // What such services take away of a user, and what we need all the same.
    ['everything dangerous and administrative', ['-@dangerous', '-@admin', '+info', '+function|load']],
    [
      'CONFIG, CLIENT, COMMAND, KEYS, EVAL, DEBUG, ACL, WAIT',
      ['-config', '-client', '-command', '-keys', '-eval', '-acl', '-wait'],
    ],
  ])('is not needed: %s', async ([, rules], context) => {
    const { admin, host: at, port } = await redis(context);
    await admin.call('ACL', 'SETUSER', 'managed', 'on', '>secret', '~*', '&*', '+@all', ...rules);
    await serves(`redis://managed:secret@${at}:${port}`);
  });

  it.concurrent.for<readonly [lacking: readonly string[], roles: readonly string[]]>([
    [
      ['function|load', 'publish', 'xadd'],
      ['node', 'discovery'],
    ],
    [['subscribe'], ['node']],
    [['unsubscribe'], ['node']],
  ])('a user without the right to %j is refused with 78 and the names', async ([lacking, roles], context) => {
    const { admin, host: at, port } = await redis(context);
    await admin.call(
      'ACL',
      'SETUSER',
      'poor',
      'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
      ...lacking.map((one) => `-${one}`),
    );
    const all = roles.map((role) => attempt(`redis://poor:secret@${at}:${port}`, {}, role));
    for (const finished of await Promise.all(all)) {
      const rules = lacking.map((one) => `+${one}`).join(' ');
      expect([finished.code, lineOf(finished)]).toEqual([
        78,
        expect.stringContaining(
          `redisUrl: the Redis user lacks a permission, see the ACL in docs/OPERATIONS.md: ${rules}`,
        ),
      ]);
    }
  });

  it.concurrent.for<readonly [command: string, words: string]>([
    ['FUNCTION', "-ERR unknown command 'FUNCTION', with args beginning with: 'LOAD' ''"],
    ['FUNCTION', "-ERR unknown subcommand or wrong number of arguments for 'LOAD'. Try FUNCTION HELP."],
    ['XADD', '-ERR unknown command `XADD`, with args beginning with: '],
    ['PUBLISH', "-ERR This Redis command is not allowed: 'publish'"],
    ['SUBSCRIBE', '-ERR Command is not available: SUBSCRIBE'],
  ])('%s, in whatever words, is named with 78: %s', async ([command, words], context) => {
    const server = await redis(context);
    const managed = await startManagedRedis(server, { [command]: words });
    context.onTestFinished(() => managed.close());
    for (const finished of await Promise.all([attempt(managed.url), attempt(managed.url, {}, 'discovery')])) {
      expect([finished.code, lineOf(finished)]).toEqual([
        78,
        expect.stringMatching(new RegExp(`redisUrl: Redis lacks a command .*, .*${command}\\b.*rename-command`)),
      ]);
    }
  });

  it.concurrent('a Cluster behind one address that names it alone is refused as redis:// with 78, and served as redis+cluster://', async (context) => {
    const server = await redis(context, { args: ['--cluster-announce-ip', host], isMember: true });
    await server.admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    await eventually(async () => {
      const info = String(await server.admin.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') || info;
    }, 10_000);
    const refused = await attempt(server.url);
    expect([refused.code, lineOf(refused)]).toEqual([78, expect.stringMatching(/name it as redis\+cluster:\/\//)]);
    await serves(server.url.replace('redis:', 'redis+cluster:'));
  });
});
