// Looks at a Redis from outside, as a process of ours would before it uses it, and says what is there; changes nothing.

import { Cluster, type Redis } from 'ioredis';
import { FanfareError } from '../../lib/errors.js';
import { after } from '../../lib/timers.js';
import { type Astray, lookForStrays } from './astray.js';
import { closeClient, createCommandClient } from './clients.js';
import { isRefusal, toFanfareError, unavailableError } from './errors.js';
import { libraryAt } from './functions/library.js';
import { type RedisNames, redisNames } from './names.js';
import { isReplica } from './replication-info.js';
import { fieldOf } from './requirements.js';
import { type Rights, rightsOf } from './rights.js';
import { hasTriedAll, isSentinelRefusal } from './sentinel-credentials.js';
import { hintOf, isVague, reasonOf } from './server-words.js';
import { tlsReason } from './tls-reason.js';
import { parseRedisUrl, type RedisUrl } from './url.js';

/** Of one server: the master, or each master of a Cluster. */
export interface RedisServerFacts extends Rights {
  /** Host and port, without secrets. */
  readonly address: string;
  readonly version: string;
  readonly isReplica: boolean;
  readonly isClusterMember: boolean;
  readonly evictionPolicy: string;
  /** 0: none. */
  readonly maxMemoryBytes: number;
  readonly usedMemoryBytes: number;
  /** 0: not told. */
  readonly maxClients: number;
  readonly clients: number;
  /** Whether a restart keeps anything; `undefined` where the server does not tell. */
  readonly persists: boolean | undefined;
  /** Unix milliseconds by its clock, less those by ours, and how far off that may be. */
  readonly clock: { readonly aheadMs: number; readonly uncertainMs: number };
  /** What stands under the name of our function library. */
  readonly library: 'none' | 'ours' | 'foreign';
  /** What clients with a key prefix of their own have written. */
  readonly astray: Astray;
}

/** Chosen: longer than a connection takes over a slow network. */
const CONNECT_WITHIN_MS = 6_000;

/**
 * Connects by `url` (see `parseRedisUrl`) and looks. Rejects with `broker_unavailable` and the reason, `UnfitRedisError` where
 * waiting does not mend it; throws `TypeError` for a URL that cannot be.
 */
export async function examineRedis(url: RedisUrl, prefix: string): Promise<readonly RedisServerFacts[]> {
  const client = createCommandClient(url, prefix);
  try {
    await connected(client);
    const names = redisNames(prefix, parseRedisUrl(url).database);
    const masters = client instanceof Cluster ? client.nodes('master') : [client];
    return await Promise.all(masters.map((master) => factsOf(master, names, client instanceof Cluster)));
  } catch (error) {
    throw await explained(error, url);
  } finally {
    await closeClient(client);
  }
}

/** Rejects with the first thing that goes wrong: ioredis itself would try on for ever. */
async function connected(client: Redis | Cluster): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      late = after(CONNECT_WITHIN_MS, () => reject(unavailableError('Redis does not answer in time')));
      client.on('error', (error: Error) => {
        if (!isSentinelRefusal(error) || hasTriedAll(client)) reject(error);
      });
      client.once('ready', resolve);
      client.connect().catch(() => {
        // Told by the 'error' event, with its reason.
      });
    });
  } finally {
    clearTimeout(late);
  }
}

async function explained(failure: unknown, url: RedisUrl): Promise<FanfareError> {
  const error = hintOf(failure);
  if (error instanceof FanfareError) return error;
  if (isRefusal(error)) return toFanfareError(error, 'read');
  const reason = isVague(error) ? await tlsReason(parseRedisUrl(url)) : undefined;
  return unavailableError(`Redis cannot be reached: ${reason ?? reasonOf(error)}`, error);
}

async function factsOf(server: Redis, names: RedisNames, inCluster: boolean): Promise<RedisServerFacts> {
  const info = await server.info('server', 'replication', 'cluster', 'memory', 'persistence', 'clients');
  const number = (name: string) => Number(fieldOf(info, name) ?? 0);
  const { host, port } = server.options;
  return {
    address: `${host}:${port}`,
    version: fieldOf(info, 'valkey_version') ?? fieldOf(info, 'redis_version') ?? 'unknown',
    isReplica: isReplica(info),
    isClusterMember: fieldOf(info, 'cluster_enabled') === '1',
    evictionPolicy: fieldOf(info, 'maxmemory_policy') ?? 'noeviction',
    maxMemoryBytes: number('maxmemory'),
    usedMemoryBytes: number('used_memory'),
    maxClients: number('maxclients'),
    clients: number('connected_clients'),
    persists: await persists(server, info),
    clock: await clockOf(server),
    library: await libraryAt(server, names),
    astray: await lookForStrays(server, names),
    ...(await rightsOf(server, names, inCluster)),
  };
}

/** Whether there are points at which it saves is told by CONFIG alone, which many users do not have. */
async function persists(server: Redis, info: string): Promise<boolean | undefined> {
  if (fieldOf(info, 'aof_enabled') === '1') return true;
  const answer: unknown = await server.config('GET', 'save').catch(() => undefined);
  if (Array.isArray(answer) && answer.length >= 2) return answer[1] !== '';
  if (typeof answer === 'object' && answer !== null && 'save' in answer) return answer.save !== '';
  // -1: it never has.
  return Number(fieldOf(info, 'rdb_last_bgsave_time_sec') ?? -1) >= 0 ? true : undefined;
}

async function clockOf(server: Redis): Promise<RedisServerFacts['clock']> {
  const sentMs = Date.now();
  const answer = await server.time().catch(() => undefined);
  const uncertainMs = (Date.now() - sentMs) / 2;
  // Without the right, or the command: that is told.
  if (answer === undefined) return { aheadMs: 0, uncertainMs: Number.POSITIVE_INFINITY };
  const [seconds, micros] = answer.map(Number);
  return { aheadMs: (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000 - sentMs - uncertainMs, uncertainMs };
}
