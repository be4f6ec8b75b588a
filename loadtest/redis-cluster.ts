// A private Redis Cluster of three masters for the length of a run, and a publisher that finds the master of each channel.

import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { connectToRedis, logKeyOf, type Publisher } from './publisher.js';
import { type RedisServer, startRedisServer } from './redis-server.js';

export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  readonly url: string;
  close(): Promise<void>;
}

const MASTERS = 3;
const SLOTS = 16_384;
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 50;

export async function startRedisCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const close = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.close())));
  try {
    const busPorts: number[] = [];
    for (let at = 0; at < MASTERS; at += 1) {
      // The port of the bus is the port + 10,000 unless it is given, which is none for a high port.
      const busPort = await freePort('127.0.0.1');
      busPorts.push(busPort);
      servers.push(await startRedisServer(['--cluster-enabled', 'yes', '--cluster-port', String(busPort)]));
    }
    await join(servers, busPorts);
  } catch (error) {
    await close();
    throw error;
  }
  return { servers, url: `redis+cluster://${servers.map(({ host, port }) => `${host}:${port}`).join(',')}`, close };
}

async function join(servers: readonly RedisServer[], busPorts: readonly number[]): Promise<void> {
  const admins = servers.map(({ url }) => new Redis(url));
  try {
    for (const [at, admin] of admins.entries()) {
      const first = Math.floor((at * SLOTS) / MASTERS);
      const last = Math.floor(((at + 1) * SLOTS) / MASTERS) - 1;
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    }
    const [first] = servers;
    for (const admin of admins.slice(1))
      await admin.call('CLUSTER', 'MEET', first?.host ?? '', first?.port ?? 0, busPorts[0] ?? 0);
    await Promise.all(admins.map(untilWhole));
  } finally {
    for (const admin of admins) admin.disconnect();
  }
}

/** Until a node knows the others and that every slot is served. */
async function untilWhole(admin: Redis): Promise<void> {
  for (const untilMs = performance.now() + PATIENCE_MS; ; ) {
    const info = String(await admin.call('CLUSTER', 'INFO'));
    const slots = (await admin.call('CLUSTER', 'SLOTS')) as readonly unknown[];
    if (info.includes('cluster_state:ok') && slots.length === MASTERS) return;
    if (performance.now() > untilMs) throw new Error(`the cluster did not come together: ${info}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Takes what `encodeOnCluster` encodes, for these channels. */
export async function connectToCluster(cluster: RedisCluster, channels: readonly string[]): Promise<Publisher> {
  const masters = await mastersOf(cluster, channels);
  const publishers: Publisher[] = [];
  for (const server of cluster.servers) publishers.push(await connectToRedis(server));
  return {
    send: (bytes) => {
      const parts = cluster.servers.map((): Buffer[] => []);
      for (const { command, key } of commandsIn(bytes)) {
        const part = parts[masters.get(key) ?? 0];
        if (part === undefined) throw new TypeError(`there is no master of ${key}`);
        part.push(command);
      }
      for (const [at, part] of parts.entries())
        if (part.length > 0) publishers[at]?.send(Buffer.concat(part), part.length);
    },
    settled: async () => void (await Promise.all(publishers.map((publisher) => publisher.settled()))),
    close: () => {
      for (const publisher of publishers) publisher.close();
    },
  };
}

async function mastersOf({ servers }: RedisCluster, channels: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const admin = new Redis(servers[0]?.url ?? '');
  try {
    const keys = channels.map(logKeyOf);
    const slots = await Promise.all(keys.map((key) => admin.call('CLUSTER', 'KEYSLOT', key)));
    return new Map(keys.map((key, at) => [key, Math.floor((Number(slots[at]) * MASTERS) / SLOTS)]));
  } finally {
    admin.disconnect();
  }
}

/** The place of the first key in an FCALL. */
const KEY_AT = 3;

/** Each command of Redis in a stretch of whole ones, with its key. */
export function* commandsIn(bytes: Buffer): Generator<{ readonly command: Buffer; readonly key: string }> {
  let at = 0;
  const number = (): number => {
    const end = bytes.indexOf('\r\n', at);
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  while (at < bytes.length) {
    const start = at;
    const words = number();
    let key = '';
    for (let word = 0; word < words; word += 1) {
      const length = number();
      if (word === KEY_AT) key = bytes.toString('utf8', at, at + length);
      at += length + 2;
    }
    yield { command: bytes.subarray(start, at), key };
  }
}
