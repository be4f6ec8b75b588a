// `fanfare doctor` where one cause has many signs: it names the cause, and advice that somebody can follow.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/cli/doctor/doctor.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { runFanfare } from '../support/process.js';
import { freePort, type RedisServer, startRedis } from '../support/redis.js';

const AUTH_SECRET = 'user-tokens-of-the-doctor-0123456789abcdef';
const KEEPING = ['--appendonly', 'yes'];

let cluster: Cluster;
let other: RedisServer;
beforeAll(async () => {
  const env = { FANFARE_AUTH_SECRET: AUTH_SECRET };
  cluster = await startCluster({ engines: ['ws'], redis: { args: KEEPING }, env });
  other = await startRedis({ args: KEEPING });
});
afterAll(async () => {
  await cluster?.close();
  await other?.stop();
});

async function doctor(env: Readonly<Record<string, string>>): Promise<Report> {
  const { stdout } = await runFanfare(['doctor', '--json'], { env: { ...cluster.env, ...env } });
  return JSON.parse(stdout);
}

it('says of the URL of a node that it is none of discovery, and no more', async () => {
  const node = cluster.nodes.get('n1');
  const { findings, asked, notAsked } = await doctor({ FANFARE_URL: node?.url ?? '' });
  expect(findings).toMatchObject([
    { code: 'discovery_elsewhere', message: `a node answers at ${node?.url}, which is no discovery` },
  ]);
  expect([asked, notAsked]).toEqual([['redis'], [{ what: 'nodes', why: 'discovery names them' }]]);
});

it('says where nobody listens that nodes were not asked for that reason', async () => {
  const url = `http://127.0.0.1:${await freePort('127.0.0.1')}`;
  const { findings, notAsked } = await doctor({ FANFARE_URL: url });
  expect(findings.map(({ code }) => code)).toEqual(['discovery_unreachable']);
  expect(notAsked).toEqual([{ what: 'nodes', why: 'discovery names them' }]);
});

it('names a Redis that is away once, whoever suffers from it', async () => {
  await cluster.redis.stop();
  const env = { FANFARE_URL: cluster.discovery.url };
  const codes = async () => (await doctor(env)).findings.map(({ code }) => code);
  await expect.poll(codes, { timeout: 20_000 }).toEqual(['redis_unreachable']);
  const elsewhere = await doctor({ ...env, FANFARE_REDIS_URL: other.url });
  expect(elsewhere.findings.map(({ code }) => code)).toEqual(['node_not_ready']);
  expect(elsewhere.findings[0]).toMatchObject({
    message: expect.stringMatching(/^node \S+ is not ready: broker: /),
    mend: expect.stringContaining('FANFARE_REDIS_URL of that process'),
  });
});
