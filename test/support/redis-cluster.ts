// Starts a real Redis Cluster of three masters, each with one replica, for tests.

import type { Certificates } from './certificates.js';
import { eventually } from './eventually.js';
import { privateHost, type RedisServer, startRedis } from './redis.js';

export interface RedisCluster {
  /** For brokers: names two of the masters. */
  readonly url: string;
  /** Three that began as masters, then their replicas in the same order. */
  readonly servers: readonly RedisServer[];
  /** The server that is the master of a key's slot now. */
  masterOf(key: string): Promise<RedisServer>;
  stop(): Promise<void>;
}

const MASTERS = 3;
const SLOTS = 16_384;

/** With certificates it speaks TLS and is known by name. Resolves when every node knows all others, every slot is served, and every replica is in sync. */
export async function startRedisCluster(certificates?: Certificates): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())));
  try {
    for (let n = 0; n < 2 * MASTERS; n++) servers.push(await startMember(certificates));
    await join(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  const named = servers.slice(0, 2).map(({ host, port }) => `${certificates ? 'localhost' : host}:${port}`);
  const url = `${certificates ? 'rediss' : 'redis'}+cluster://${named.join(',')}`;
  return { url, servers, masterOf: (key) => masterOf(servers, key), stop };
}

async function startMember(certificates: Certificates | undefined): Promise<RedisServer> {
  // The one address that has a name everywhere.
  const host = certificates === undefined ? privateHost() : '127.0.0.1';
  const args = ['--cluster-announce-ip', host, '--cluster-node-timeout', '2000', '--repl-diskless-sync-delay', '0'];
  if (certificates === undefined) return startRedis({ host, args, isMember: true });
  args.push('--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname');
  args.push('--tls-replication', 'yes', '--tls-cluster', 'yes');
  return startRedis({ host, args, isMember: true, tls: { certificates, clients: 'no' } });
}

async function join(servers: readonly RedisServer[]): Promise<void> {
  const [first, ...others] = servers;
  if (first === undefined) return;
  for (const [n, server] of servers.slice(0, MASTERS).entries()) {
    const end = Math.floor(((n + 1) * SLOTS) / MASTERS) - 1;
    await server.admin.call('CLUSTER', 'ADDSLOTSRANGE', Math.floor((n * SLOTS) / MASTERS), end);
    await server.admin.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
  }
  const busPort = await busPortOf(first);
  for (const { admin } of others) await admin.call('CLUSTER', 'MEET', first.host, first.port, busPort);
  for (const server of servers) {
    await until(async () => {
      const info = await clusterInfo(server);
      return info.includes(`cluster_known_nodes:${servers.length}`) || info;
    });
  }
  for (const [n, server] of servers.slice(MASTERS).entries()) {
    const id = String(await servers[n]?.admin.call('CLUSTER', 'MYID'));
    await server.admin.call('CLUSTER', 'REPLICATE', id);
  }
  for (const [n, server] of servers.entries()) {
    const wanted = n < MASTERS ? /slave0:.*state=online/ : /master_link_status:up/;
    await until(async () => {
      const info = await clusterInfo(server);
      const replication = await server.admin.info('replication');
      // Three ranges, each with its master and its replica.
      const slots = JSON.stringify(await server.admin.call('CLUSTER', 'SLOTS'));
      const knowsAll = slots.match(/"127\./g)?.length === 2 * MASTERS;
      return (
        (info.includes('cluster_state:ok') && wanted.test(replication) && knowsAll) || `${info}${replication}${slots}`
      );
    });
  }
}

/** Nodes tell each other in their own time, and no one else. */
function until(condition: () => Promise<true | string>): Promise<void> {
  return eventually(condition, 20_000);
}

async function clusterInfo({ admin }: RedisServer): Promise<string> {
  return String(await admin.call('CLUSTER', 'INFO'));
}

/** Where other members of its Cluster reach it. */
export async function busPortOf(server: RedisServer): Promise<string> {
  const nodes = String(await server.admin.call('CLUSTER', 'NODES'));
  const port = /@(\d+)/.exec(nodes)?.[1];
  if (port === undefined) throw new Error(`no bus port in ${nodes}`);
  return port;
}

async function masterOf(servers: readonly RedisServer[], key: string): Promise<RedisServer> {
  for (const server of servers) {
    // A replica and a master of other slots answer MOVED.
    const serves = await server.admin.exists(key).then(
      () => true,
      () => false,
    );
    if (serves) return server;
  }
  throw new Error(`no master of ${key}`);
}
