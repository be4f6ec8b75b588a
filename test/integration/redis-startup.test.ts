// A Redis that cannot serve is refused at the start, with exit code 78 and the setting to change.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOldRedis } from '../support/old-redis.js';
import { type Finished, runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { privateHost, type RedisServer, startRedis } from '../support/redis.js';
import { busPortOf } from '../support/redis-cluster.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';

function envFor(url: string) {
  return {
    FANFARE_REDIS_URL: url,
    FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: '0',
    FANFARE_AUTH_SECRET: SECRET,
    FANFARE_CLUSTER_SECRET: SECRET,
    FANFARE_LOG_LEVEL: 'warn',
  };
}

function attempt(url: string, role = 'node'): Promise<Finished> {
  return runFanfare([role], { env: envFor(url) });
}

/** The lines for people: what the command says beside its log. */
function linesOf({ stderr }: Finished): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('fanfare:'));
}

function expectRefusal(finished: Finished, words: RegExp): void {
  expect(finished.code, finished.stderr).toBe(78);
  expect(linesOf(finished)).toEqual([expect.stringMatching(words)]);
}

describe('the start is refused with 78', () => {
  let redis: RedisServer;
  const running: ServerProcess[] = [];
  beforeAll(async () => {
    redis = await startRedis({ password: 'right' });
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
    await redis.admin.config('SET', 'maxmemory', '0');
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
  });
  afterAll(() => redis?.stop());

  it('without the password, and with a wrong one, by a node and by discovery', async () => {
    const wrong = redis.url.replace('right', 'wrong-horse');
    const none = redis.url.replace(/:[^/@]*@/, '');
    const [node, discovery, bare] = await Promise.all([attempt(wrong), attempt(wrong, 'discovery'), attempt(none)]);
    for (const finished of [node, discovery]) {
      expectRefusal(finished, /^fanfare: redisUrl: Redis refuses the user or password of the Redis URL.*\(127\./);
      expect(finished.stderr).not.toContain('horse');
    }
    expectRefusal(bare, /^fanfare: redisUrl: Redis asks for a password: put one into the Redis URL/);
  });

  it('by a Redis before 7', async () => {
    const old = await startOldRedis('6.2.14');
    expectRefusal(await attempt(old.url), /^fanfare: redisUrl: Redis 6\.2\.14 has no functions: use Redis 7/);
    await old.close();
  });

  it('by a Redis that evicts history when it is full; one without a limit is warned of, and so is one that changes later', async () => {
    await redis.admin.config('SET', 'maxmemory-policy', 'volatile-ttl');
    const node = await startFanfare(['node'], { env: envFor(redis.url) });
    running.push(node);
    expect(node.log()).toContain('set maxmemory-policy noeviction');
    await redis.admin.config('SET', 'maxmemory', '100mb');
    const refused = await attempt(redis.url);
    expectRefusal(refused, /^fanfare: redisUrl: .*maxmemory-policy volatile-ttl\): set maxmemory-policy noeviction/);
    // A node that runs goes on: an outage would be worse than what it warns of.
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await node.logged('evicts history when it is full (maxmemory-policy volatile-ttl)');
    await expect.poll(async () => (await fetch(`${node.url}/readyz`)).status).toBe(200);
  });

  it('to a user that lacks commands, keys or channels, naming them', async () => {
    const users: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['commands', ['~*', '&*', '+@all', '-xtrim', '-function'], /docs\/OPERATIONS\.md: \+function\|load \+xtrim \(/],
      ['keys', ['~other:*', '&*', '+@all'], /: ~fanfare:\* \(/],
      ['channels', ['~*', 'resetchannels', '&other:*', '+@all'], /: &fanfare:\* \(/],
      ['nothing', ['+@connection'], /lacks a permission/],
    ];
    const attempts = users.map(async ([name, rules, words]) => {
      await redis.admin.call('ACL', 'SETUSER', name, 'on', '>pw', ...rules);
      expectRefusal(await attempt(redis.url.replace(':right@', `${name}:pw@`)), words);
    });
    await Promise.all(attempts);
  });

  it('by one evicting master of a Redis Cluster, and by a Cluster behind the wrong kind of URL', async () => {
    const host = privateHost();
    const members = [
      await startRedis({ host, args: ['--cluster-announce-ip', host], isMember: true }),
      await startRedis({ isMember: true }),
    ] as const;
    const [first, second] = members;
    try {
      await second.admin.config('SET', 'cluster-announce-ip', second.host);
      await first.admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 8191);
      await second.admin.call('CLUSTER', 'ADDSLOTSRANGE', 8192, 16383);
      await second.admin.call('CLUSTER', 'SET-CONFIG-EPOCH', 2);
      await second.admin.call('CLUSTER', 'MEET', first.host, first.port, await busPortOf(first));
      for (const { admin } of members) {
        await expect.poll(() => admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok');
      }
      await second.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      await second.admin.config('SET', 'maxmemory', '100mb');
      const [evicting, single, noCluster] = await Promise.all([
        attempt(`redis+cluster://${first.host}:${first.port}`),
        attempt(first.url),
        attempt(redis.url.replace('redis:', 'redis+cluster:')),
      ]);
      expectRefusal(evicting, /maxmemory-policy allkeys-lru\): set maxmemory-policy noeviction/);
      expectRefusal(single, /name it as redis\+cluster:\/\//);
      expectRefusal(noCluster, /name it as redis:\/\//);
    } finally {
      for (const member of members) await member.stop();
    }
  });
});

it('the start ends with 69 on a replica, which may be promoted', async () => {
  const master = await startRedis();
  const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] });
  try {
    const onReplica = await attempt(replica.url);
    expect(onReplica.code).toBe(69);
    expect(linesOf(onReplica)).toEqual([expect.stringContaining('read-only replica: name the master')]);
  } finally {
    await replica.stop();
    await master.stop();
  }
});
