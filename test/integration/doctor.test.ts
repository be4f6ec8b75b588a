// `fanfare doctor` on a cluster with one fault at a time, as people have them: it names each, and says nothing of the rest.

import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signToken } from '../../src/auth/token-signer.js';
import type { Report } from '../../src/cli/doctor/doctor.js';
import { Issuer } from '../rotation/issuer.js';
import { ADMIN_KEY, CLUSTER_SECRET, type Cluster, startCluster } from '../support/cluster.js';
import { nginxSkipReason, startNginx } from '../support/nginx.js';
import { type ProcessSetup, runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { freePort, type RedisServer, type RedisServerOptions, startRedis } from '../support/redis.js';
import { startUpgradelessProxy } from '../support/upgradeless-proxy.js';

const ORIGIN = 'https://app.example.com';
const AUTH_SECRET = 'user-tokens-of-the-doctor-0123456789abcdef';
const KEEPING = ['--appendonly', 'yes'];
const ENV = {
  FANFARE_AUTH_SECRET: AUTH_SECRET,
  FANFARE_AUTH_AUDIENCE: 'push',
  FANFARE_ORIGINS: ORIGIN,
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ engines: ['uws'], redis: { args: KEEPING }, env: ENV });
});
afterAll(() => cluster?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function redis(options: RedisServerOptions = { args: KEEPING }): Promise<RedisServer> {
  const server = await startRedis(options);
  closing.push(() => server.stop());
  return server;
}

async function started(role: string, env: Readonly<Record<string, string>>, setup: ProcessSetup = {}) {
  const server = await startFanfare([role], { ...setup, env: { ...cluster.env, ...env } });
  closing.push(() => server.stop());
  return server;
}

interface Examined {
  readonly code: number | string;
  /** Of the findings, in their order. */
  readonly codes: readonly string[];
  readonly report: Report;
  readonly text: string;
}

/** On the cluster with this environment beside its own, and these flags. */
async function doctor(env: Readonly<Record<string, string>> = {}, ...flags: string[]): Promise<Examined> {
  const own = { ...cluster.env, FANFARE_URL: cluster.discovery.url, ...env };
  const { code, stdout, stderr } = await runFanfare(['doctor', '--json', ...flags], { env: own });
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  const text = report.findings.map(({ message, mend }) => `${message} → ${mend}`).join('\n');
  return { code, codes: report.findings.map((finding) => finding.code), report, text };
}

const NOTHING = { code: 0, codes: [] };
const one = (code: string, text: RegExp) => ({ code: 1, codes: [code], text: expect.stringMatching(text) });

describe('on a cluster without a fault', () => {
  it('finds nothing, has asked everybody, and ends with 0', async () => {
    const examined = await doctor();
    expect(examined).toMatchObject(NOTHING);
    expect(examined.report).toMatchObject({
      clean: true,
      asked: ['redis', 'discovery', 'tokens', 'node n1'],
      notAsked: [],
    });
  });

  it('leaves no place reserved, and nobody at a node', async () => {
    for (let n = 0; n < 4; n++) expect(await doctor()).toMatchObject(NOTHING);
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    const listed = async () => (await fetch(`${cluster.discovery.url}/v1/nodes`, { headers })).json();
    await expect.poll(listed).toMatchObject({ nodes: [{ id: 'n1', connections: 0, reservations: 0 }] });
  });

  it('says in words what it found, and with --ignore nothing of what is accepted', async () => {
    const { url } = await redis({});
    const env = { ...cluster.env, FANFARE_URL: cluster.discovery.url, FANFARE_REDIS_URL: url };
    const { code, stdout } = await runFanfare(['doctor'], { env });
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^warning redis_no_persistence: .*\n {4}mend: appendonly yes/),
    ]);
    expect(stdout).toContain('1 finding; asked: redis, discovery, tokens, node n1');
    expect((await runFanfare(['doctor', '--ignore', 'redis_no_persistence'], { env })).code).toBe(0);
  });
});

describe('of Redis it names', () => {
  it('1: a wrong password', async () => {
    const { host, port } = await redis({ args: KEEPING, password: 'right-password' });
    const found = await doctor({ FANFARE_REDIS_URL: `redis://:wrong-password@${host}:${port}` });
    expect(found).toMatchObject(one('redis_password', /refuses the user or password.*FANFARE_REDIS_URL/));
    expect(found.text).not.toContain('wrong-password');
  });

  it('2: a read-only replica', async () => {
    const { url, admin } = await redis();
    await admin.call('REPLICAOF', '127.0.0.1', '1');
    expect(await doctor({ FANFARE_REDIS_URL: url })).toMatchObject(one('redis_read_only', /read-only replica/));
  });

  it('3: a policy that evicts', async () => {
    const { url } = await redis({ args: [...KEEPING, '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
    expect(await doctor({ FANFARE_REDIS_URL: url })).toMatchObject(one('redis_evicts', /allkeys-lru.*noeviction/));
  });

  it('4: a right that is missing', async () => {
    const { host, port, admin } = await redis();
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-xadd');
    const found = await doctor({ FANFARE_REDIS_URL: `redis://app:secret@${host}:${port}` });
    expect(found).toMatchObject(one('redis_right_missing', /lacks a permission .*: \+xadd → ACL SETUSER/));
  });

  it('5: a command that is missing', async () => {
    const { url } = await redis({ args: [...KEEPING, '--rename-command', 'XADD', 'HIDDEN'] });
    const found = await doctor({ FANFARE_REDIS_URL: url });
    expect(found).toMatchObject(one('redis_command_missing', /lacks a command .*: XADD → .*rename-command/));
  });

  it('6: that it cannot save and refuses writes', async () => {
    const server = await redis({ args: ['--save', '3600 1'] });
    await rm(server.directory, { recursive: true });
    await server.admin.call('BGSAVE');
    await expect.poll(() => server.admin.info('persistence')).toContain('rdb_last_bgsave_status:err');
    const found = await doctor({ FANFARE_REDIS_URL: server.url });
    expect(found).toMatchObject(one('redis_refuses_writes', /MISCONF.*make room on the disk/));
  });

  it('8: that nothing outlives a restart, as a warning', async () => {
    const { url } = await redis({});
    const found = await doctor({ FANFARE_REDIS_URL: url });
    expect(found).toMatchObject(one('redis_no_persistence', /keeps nothing on disk.*appendonly yes/));
    expect(found.report.findings[0]?.severity).toBe('warning');
  });
});

describe('of clocks it names', () => {
  it('7: one that is 6 s behind', async () => {
    const behind = 'const now = Date.now; Date.now = () => now() - 6000;';
    const late = await started('discovery', {}, { nodeFlags: ['--import', `data:text/javascript,${behind}`] });
    const found = await doctor({ FANFARE_URL: late.url });
    // And, for a token that was made in this half of the second, what follows from it.
    const codes = found.codes.filter((code) => code !== 'token_not_yet_valid');
    expect([found.code, codes]).toEqual([1, ['clock_differs']]);
    expect(found.text).toMatch(/the clock of discovery at \S+ is (5\.[5-9]|6\.\d) s behind the others.* → NTP/);
  });
});

describe('of nodes it names', () => {
  /** One more, behind what `before` starts for its address. */
  async function behind(before: (url: string) => Promise<{ readonly url: string; close(): unknown }>): Promise<string> {
    const port = await freePort('127.0.0.1');
    const proxy = await before(`http://127.0.0.1:${port}`);
    closing.push(() => proxy.close());
    await started('node', { FANFARE_NODE_ID: 'n2', FANFARE_NODE_URL: proxy.url, FANFARE_PORT: String(port) });
    return proxy.url;
  }

  it('9: one whose URL leads nowhere', async () => {
    await started('node', { FANFARE_NODE_ID: 'n2', FANFARE_NODE_URL: 'http://127.0.0.1:1' });
    expect(await doctor()).toMatchObject(one('node_unreachable', /node n2 .*127\.0\.0\.1:1: nobody listens.*NODE_URL/));
  });

  it('10: one with another cluster secret', async () => {
    await started('node', { FANFARE_NODE_ID: 'n2', FANFARE_CLUSTER_SECRET: [...CLUSTER_SECRET].reverse().join('') });
    expect(await doctor()).toMatchObject(one('node_foreign_secret', /node n2 .*FANFARE_CLUSTER_SECRET on every/));
  });

  it('11: a proxy that lets no WebSocket through', async () => {
    await behind(startUpgradelessProxy);
    expect(await doctor()).toMatchObject(
      one('node_without_upgrade', /before node n2 .*\(426\).*proxy_set_header Upgrade/),
    );
  });

  it.skipIf(nginxSkipReason !== undefined)('12: a proxy that speaks HTTP/1.0', async () => {
    await behind((url) => startNginx(url, url));
    expect(await doctor()).toMatchObject(one('proxy_http_1_0', /before node n2 .*HTTP\/1\.0.*proxy_http_version 1\.1/));
  });

  it('18: one that may open too few files', async () => {
    await started('node', { FANFARE_NODE_ID: 'n2' }, { openFiles: 1_000 });
    expect(await doctor()).toMatchObject(one('file_limit', /node n2 may open 1000 files.* 488 connections.*ulimit -n/));
  });

  it('19: two with one URL', async () => {
    const url = cluster.nodes.get('n1')?.url ?? '';
    await started('node', { FANFARE_NODE_ID: 'n2', FANFARE_NODE_URL: url });
    const { codes, text } = await doctor();
    expect(codes).toEqual(['nodes_share_url', 'node_url_elsewhere']);
    expect(text).toMatch(/nodes n1 and n2 have one URL, .*FANFARE_NODE_URL of its own/);
  });

  it('20: a discovery that knows none', async () => {
    const { url } = await redis();
    const alone = await started('discovery', { FANFARE_REDIS_URL: url });
    const found = await doctor({ FANFARE_URL: alone.url, FANFARE_REDIS_URL: url });
    expect(found).toMatchObject(one('no_node', /knows no node.*start nodes/));
  });
});

describe('of tokens, keys and origins it names', () => {
  const token = (terms: Partial<Parameters<typeof signToken>[0]>) => {
    const own = { secret: AUTH_SECRET, subject: 'u1', grants: {}, lifetimeMs: 60_000, audience: 'push' };
    return signToken({ ...own, ...terms });
  };

  it('13: an origin that is denied', async () => {
    const found = await doctor({}, '--origin', 'https://other.example.com');
    expect(found.codes).toEqual(['origin_denied', 'origin_denied']);
    expect(found.text).toMatch(/other\.example\.com are not let in by discovery.*FANFARE_ORIGINS/);
    expect(found.text).toMatch(/other\.example\.com are not let in by node n1/);
  });

  it('14: a token for another audience', async () => {
    const found = await doctor({}, '--token', await token({ audience: 'shop' }));
    expect(found).toMatchObject(one('token_claim_invalid', /aud.*FANFARE_AUTH_AUDIENCE/));
  });

  it('15: a token that has expired', async () => {
    const found = await doctor({}, '--token', await token({ clock: () => Date.now() - 3_600_000 }));
    expect(found).toMatchObject(one('token_expired', /has expired.*sign a new one/));
  });

  describe('with published keys', () => {
    let issuer: Issuer;
    const withKeys = () => ({
      FANFARE_AUTH_JWKS_URL: issuer.url,
      FANFARE_AUTH_SECRET: '',
      FANFARE_AUTH_AUDIENCE: '',
    });
    const served = async (): Promise<ServerProcess> => started('discovery', withKeys());
    beforeAll(async () => {
      issuer = await Issuer.start();
    });
    afterAll(() => issuer?.close());

    it('nothing while they are there', async () => {
      const { url } = await served();
      expect(await doctor({ ...withKeys(), FANFARE_URL: url }, '--token', issuer.token('u1'))).toMatchObject(NOTHING);
    });

    it('16: a JWKS URL that is down', async () => {
      issuer.isDown = true;
      closing.push(() => {
        issuer.isDown = false;
      });
      const { url } = await served();
      const { codes, text } = await doctor({ ...withKeys(), FANFARE_URL: url }, '--token', issuer.token('u1'));
      expect(codes).toEqual(['keys_unavailable', 'jwks_unreachable', 'keys_unavailable']);
      expect(text).toMatch(/no signing keys yet.*FANFARE_AUTH_JWKS_URL/);
    });

    it('17: a JWKS without the key that a token names', async () => {
      const { url } = await served();
      const { codes, text } = await doctor({ ...withKeys(), FANFARE_URL: url }, '--token', issuer.strangersToken());
      expect(codes).toEqual(['jwks_without_kid', 'token_key_unknown']);
      expect(text).toMatch(/names the key "made-up-\d+", which is not among the 1 .*publish the key/);
    });
  });
});
