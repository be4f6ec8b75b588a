// Puts together what carries messages and knows the nodes: Redis for a cluster, memory for one process alone.

import { randomBytes } from 'node:crypto';
import type { BatchPublisher, Broker } from '../broker/broker.js';
import { createMemoryBroker } from '../broker/memory/broker.js';
import { createIngest, type Ingest } from '../broker/queue/ingest.js';
import { createRedisBroker } from '../broker/redis/broker.js';
import { RedisConnection } from '../broker/redis/connection.js';
import { KeyWatch } from '../broker/redis/key-watch.js';
import { createRedisRegistry } from '../broker/redis/registry.js';
import { createRedisRevocations } from '../broker/redis/revocations.js';
import { createRedisLeases } from '../broker/redis/shared-limits.js';
import { createRedisLinks } from '../broker/redis/shared-links.js';
import { createMemoryRegistry } from '../cluster/memory-registry.js';
import { createMemoryRevocations } from '../cluster/memory-revocations.js';
import type { Registry } from '../cluster/registry.js';
import type { RevocationLog } from '../cluster/revocation-log.js';
import { ConfigError } from '../config/config-problem.js';
import { boundOf, isSharedBound, linksBy } from '../config/limits.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../lib/logger.js';
import type { LinkStore } from '../limits/link-shard.js';
import { SharedLimits } from '../limits/shared-limits.js';
import { SharedLinks } from '../limits/shared-links.js';
import type { ReadinessCheck } from '../node/node-options.js';
import { redisPlaceOf } from './redis-place.js';

export type BatchingBroker = Broker & BatchPublisher;

export interface Cluster {
  /** Whether other processes belong to it. */
  readonly shared: boolean;
  readonly registry: Registry;
  /** Where what is revoked is kept. */
  readonly revocations: RevocationLog;
  /** Limits that are shared; alone, a process has all of it for itself. */
  readonly sharedLimits: SharedLimits | undefined;
  /** The count of links, where the cluster has one for all its nodes. */
  readonly sharedLinks: SharedLinks | undefined;
  /** Makes the broker of this process's node, which starts and closes it. */
  createBroker(): BatchingBroker;
  /** Makes what drains the queue through this process's broker; there is no queue without Redis. */
  createIngest(broker: BatchingBroker): Ingest | undefined;
  /** Connects. Rejects with `broker_unavailable`. */
  start(): Promise<void>;
  checks(): readonly ReadinessCheck[];
  stats(): Readonly<Record<string, number>>;
  close(): void;
}

export function composeCluster(loaded: LoadedConfig, namespaces: Namespaces, logger: Logger): Cluster {
  const { prefix, maxMessageBytes, waitReplicas, redisPushReader: readsPushes } = loaded.config;
  const { clockTolerance: clockToleranceMs } = loaded.config;
  const url = redisPlaceOf(loaded.config);
  if (url === undefined) return aloneInMemory(namespaces, loaded.config);
  const options = { url, prefix, namespaces, maxMessageBytes, logger };
  // The limits in force are those of nodes: they keep what is published.
  const connection = connectionTo({ ...options, loadsLibrary: loaded.role !== 'discovery' }, loaded);
  const registry = createRedisRegistry({ connection, logger });
  const member = randomBytes(6).toString('base64url');
  const sharedLimits = new SharedLimits(createRedisLeases(connection, member));
  const sharedLinks = sharedLinksOf(loaded, createRedisLinks(connection, member));
  return {
    shared: true,
    registry,
    revocations: createRedisRevocations(connection),
    sharedLimits,
    sharedLinks,
    createBroker: () => createRedisBroker({ ...options, connection, readsPushes, clockToleranceMs }),
    createIngest: (broker) =>
      createIngest({
        connection,
        maxMessageBytes,
        logger,
        watch: new KeyWatch({ url, prefix, key: `${prefix}:ingest`, logger }),
        publishMany: (all) => broker.publishMany(all.map((publication) => ({ ...publication, waitReplicas }))),
      }),
    start: async () => {
      await connection.start();
      sharedLimits.start();
      sharedLinks?.start();
    },
    checks: () => {
      const { ready, sinceMs, detail } = connection.status();
      return [{ name: 'redis', ok: ready, sinceMs, detail }];
    },
    stats: () => ({
      ignoredNodeRecords: registry.ignoredRecords,
      limitsFailedOpen: sharedLimits.failedOpen + (sharedLinks?.failedOpen ?? 0),
    }),
    close: () => {
      sharedLimits.close();
      sharedLinks?.close();
      connection.close();
    },
  };
}

/** Of nodes only: discovery has no links. */
function sharedLinksOf({ role, config }: LoadedConfig, store: LinkStore): SharedLinks | undefined {
  const { limits, linksPerUser } = config;
  const max = boundOf(limits.links, linksPerUser);
  if (role === 'discovery' || max === 0 || !isSharedBound(limits.links)) return undefined;
  return new SharedLinks({ store, bound: { max, by: linksBy(limits.links) } });
}

function aloneInMemory(namespaces: Namespaces, { maxMessageBytes, maxChannels }: Config): Cluster {
  return {
    shared: false,
    registry: createMemoryRegistry(),
    revocations: createMemoryRevocations(),
    sharedLimits: undefined,
    sharedLinks: undefined,
    // The node refuses one channel more than it may have, before its broker would.
    createBroker: () => createMemoryBroker({ namespaces, maxMessageBytes, maxSubscribed: maxChannels }),
    createIngest: () => undefined,
    start: async () => {},
    checks: () => [],
    stats: () => ({}),
    close: () => {},
  };
}

/** What the URL says beyond its shape is judged where it is used. */
function connectionTo(
  options: ConstructorParameters<typeof RedisConnection>[0],
  loaded: LoadedConfig,
): RedisConnection {
  try {
    return new RedisConnection(options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const source = loaded.sources.get('redisUrl') ?? '';
    throw new ConfigError([{ option: 'redisUrl', source, message: error.message }]);
  }
}
