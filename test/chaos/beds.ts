// The Redis that a chaos run stands on: one server, a group behind Sentinels, or a Cluster.

import type { RedisUrl } from '../../src/broker/redis/url.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { privateHost, type RedisServer, startRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { type Sentinel, startSentinel } from '../support/redis-sentinel.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';

export type Shape = 'single' | 'sentinel' | 'cluster';
export const SHAPES: readonly Shape[] = ['single', 'sentinel', 'cluster'];
/** Shapes that can speak TLS: Sentinels with passwords, a Cluster by name. A single server stands behind links that have none. */
export const TLS_SHAPES: readonly Shape[] = ['sentinel', 'cluster'];

/** What is needed beside a URL to get in. */
interface Access {
  /** For processes of ours. */
  readonly env: Readonly<Record<string, string>>;
  /** For redis-cli, at a server and at a Sentinel. */
  readonly cli: { readonly server: readonly string[]; readonly sentinel: readonly string[] };
}

const OPEN: Access = { env: {}, cli: { server: [], sentinel: [] } };

export interface Bed {
  readonly shape: Shape;
  readonly redisUrl: string;
  /** The same with what a URL does not say. */
  readonly place: RedisUrl;
  readonly access: Access;
  readonly servers: readonly RedisServer[];
  /** Of each master. */
  readonly replicas: number;
  /** The wall clock of a single server, where it can be set. */
  readonly clock: FakeClock | undefined;
  /** Those that are masters now. */
  masters(): Promise<readonly RedisServer[]>;
  /** Resolves when every master has its replicas in sync again. */
  healthy(): Promise<void>;
  stop(): Promise<void>;
}

const HEALTHY_WITHIN_MS = 60_000;
/** Redis and its Sentinels have different ones. */
const PASSWORDS: Passwords = { redis: 'password-of-redis', sentinel: 'password-of-sentinels' };
const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

/** With `tls` the servers, and Sentinels, speak nothing else. */
export async function startBed(shape: Shape, directory: string, tls = false): Promise<Bed> {
  if (shape === 'single') return startSingle(directory);
  if (!tls) return shape === 'sentinel' ? startGroup() : startCluster();
  const host = privateHost();
  const certificates = makeCertificates(['DNS:localhost', 'IP:127.0.0.1', `IP:${host}`]);
  const bed = await (shape === 'sentinel' ? startGroup({ host, certificates }) : startCluster(certificates));
  return {
    ...bed,
    async stop() {
      await bed.stop();
      certificates.remove();
    },
  };
}

async function startSingle(directory: string): Promise<Bed> {
  const clock = await createFakeClock(directory, 'redis');
  const server = await startRedis({ args: PERSISTENT, env: clock.env });
  return {
    shape: 'single',
    redisUrl: server.url,
    place: server.url,
    access: OPEN,
    servers: [server],
    replicas: 0,
    clock,
    masters: async () => [server],
    healthy: async () => {},
    stop: () => server.stop(),
  };
}

/** A master, two replicas and three Sentinels of which two must agree. */
async function startGroup(secured?: { readonly host: string; readonly certificates: Certificates }): Promise<Bed> {
  const args = ['--repl-diskless-sync-delay', '0'];
  if (secured !== undefined) args.push('--masterauth', PASSWORDS.redis, '--tls-replication', 'yes');
  const options = secured && {
    host: secured.host,
    password: PASSWORDS.redis,
    tls: { certificates: secured.certificates, clients: 'no' } as const,
  };
  const first = await startRedis({ args, ...options });
  const replicate = ['--replicaof', first.host, String(first.port)];
  const servers = [first];
  for (let n = 0; n < 2; n++) servers.push(await startRedis({ args: [...args, ...replicate], ...options }));
  const sentinels: Sentinel[] = [];
  const theirs = secured && {
    certificates: secured.certificates,
    password: PASSWORDS.sentinel,
    redisPassword: PASSWORDS.redis,
  };
  for (let n = 0; n < 3; n++) sentinels.push(await startSentinel(first, 2, theirs));
  const masters = () => mastersOf(servers);
  const scheme = secured === undefined ? 'redis+sentinel://' : `rediss+sentinel://:${PASSWORDS.redis}@`;
  const redisUrl = `${scheme}${sentinels.map(({ host, port }) => `${host}:${port}`).join(',')}/main`;
  const bed: Bed = {
    shape: 'sentinel',
    redisUrl,
    ...accessTo(redisUrl, secured?.certificates, PASSWORDS),
    servers,
    replicas: 2,
    clock: undefined,
    masters,
    healthy: () => replicated(servers, 1, 2),
    async stop() {
      await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
  await bed.healthy();
  for (const sentinel of sentinels) {
    await eventually(async () => {
      const answer = await sentinel.quorum();
      return answer.startsWith('OK 3') || answer;
    }, HEALTHY_WITHIN_MS);
  }
  return bed;
}

async function startCluster(certificates?: Certificates): Promise<Bed> {
  const cluster: RedisCluster = await startRedisCluster(certificates);
  return {
    shape: 'cluster',
    redisUrl: cluster.url,
    ...accessTo(cluster.url, certificates),
    servers: cluster.servers,
    replicas: 1,
    clock: undefined,
    masters: () => mastersOf(cluster.servers),
    healthy: () => replicated(cluster.servers, 3, 1),
    stop: () => cluster.stop(),
  };
}

interface Passwords {
  readonly redis: string;
  readonly sentinel: string;
}

function accessTo(
  url: string,
  certificates: Certificates | undefined,
  passwords?: Passwords,
): Pick<Bed, 'place' | 'access'> {
  if (certificates === undefined) return { place: url, access: OPEN };
  const { ca, text } = certificates;
  const tls = ['--tls', '--cacert', ca];
  const cli = (password: string | undefined) =>
    password === undefined ? tls : [...tls, '-a', password, '--no-auth-warning'];
  return {
    place: { url, ca: text(ca), ...(passwords && { sentinelAuth: passwords.sentinel }) },
    access: {
      env: { FANFARE_REDIS_CA: ca, ...(passwords && { FANFARE_REDIS_SENTINEL_AUTH: passwords.sentinel }) },
      cli: { server: cli(passwords?.redis), sentinel: cli(passwords?.sentinel) },
    },
  };
}

async function mastersOf(servers: readonly RedisServer[]): Promise<readonly RedisServer[]> {
  const roles = await Promise.all(servers.map(({ admin }) => admin.info('replication').catch(() => '')));
  return servers.filter((_, n) => roles[n]?.includes('role:master'));
}

/** Every master has so many replicas, all in sync. */
function replicated(servers: readonly RedisServer[], masters: number, replicas: number): Promise<void> {
  return eventually(async () => {
    const infos = await Promise.all(servers.map(({ admin }) => admin.info('replication')));
    const leading = infos.filter((info) => info.includes('role:master'));
    const inSync = leading.every((info) => (info.match(/state=online/g) ?? []).length >= replicas);
    const following = infos.filter((info) => info.includes('master_link_status:up'));
    const good = leading.length === masters && inSync && following.length === masters * replicas;
    return good || infos.map((info) => info.match(/role:\w+|connected_slaves:\d+|master_link_status:\w+/g)).join(' | ');
  }, HEALTHY_WITHIN_MS);
}
