// The Redis that a chaos run stands on: one server, a group behind Sentinels, or a Cluster.

import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { type Sentinel, startSentinel } from '../support/redis-sentinel.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';

export type Shape = 'single' | 'sentinel' | 'cluster';
export const SHAPES: readonly Shape[] = ['single', 'sentinel', 'cluster'];

export interface Bed {
  readonly shape: Shape;
  readonly redisUrl: string;
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
const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

export function startBed(shape: Shape, directory: string): Promise<Bed> {
  if (shape === 'single') return startSingle(directory);
  return shape === 'sentinel' ? startGroup() : startCluster();
}

async function startSingle(directory: string): Promise<Bed> {
  const clock = await createFakeClock(directory, 'redis');
  const server = await startRedis({ args: PERSISTENT, env: clock.env });
  return {
    shape: 'single',
    redisUrl: server.url,
    servers: [server],
    replicas: 0,
    clock,
    masters: async () => [server],
    healthy: async () => {},
    stop: () => server.stop(),
  };
}

/** A master, two replicas and three Sentinels of which two must agree. */
async function startGroup(): Promise<Bed> {
  const args = ['--repl-diskless-sync-delay', '0'];
  const first = await startRedis({ args });
  const replicate = ['--replicaof', first.host, String(first.port)];
  const servers = [first];
  for (let n = 0; n < 2; n++) servers.push(await startRedis({ args: [...args, ...replicate] }));
  const sentinels: Sentinel[] = [];
  for (let n = 0; n < 3; n++) sentinels.push(await startSentinel(first, 2));
  const masters = () => mastersOf(servers);
  const bed: Bed = {
    shape: 'sentinel',
    redisUrl: `redis+sentinel://${sentinels.map(({ host, port }) => `${host}:${port}`).join(',')}/main`,
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

async function startCluster(): Promise<Bed> {
  const cluster: RedisCluster = await startRedisCluster();
  return {
    shape: 'cluster',
    redisUrl: cluster.url,
    servers: cluster.servers,
    replicas: 1,
    clock: undefined,
    masters: () => mastersOf(cluster.servers),
    healthy: () => replicated(cluster.servers, 3, 1),
    stop: () => cluster.stop(),
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
