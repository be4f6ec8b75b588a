// Makes ioredis clients that never hang: one kind for commands, one for subscriptions.

import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { monotonicNowMs, NEVER_MS } from '../../lib/clocks.js';
import { keepTryingCredentials } from './sentinel-credentials.js';
import { guardReplies } from './stray-replies.js';
import { parseRedisUrl, type RedisUrl } from './url.js';

/** Specified: a publish never hangs longer. */
const COMMAND_TIMEOUT_MS = 2_000;
/** Chosen: silence of a connection that owes an answer, after which it is made anew. */
const SOCKET_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Chosen: a connection that has stood for longer has lasted. */
const BRIEF_MS = 2_000;
/** Chosen: in a failover, so many in a row may not last. */
const FORGIVEN = 3;
/** Chosen: a slot that moves is found at the first or the second. */
const MAX_REDIRECTIONS = 5;

/** Of one node of a Cluster. */
export interface ClusterAddress {
  readonly host: string;
  readonly port: number;
}

function sharedOptions(connectionName: string): RedisOptions {
  return {
    connectionName,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    maxLoadingRetryTime: 1_000,
    // What is not sent at once fails at once; what was sent on a connection that closes fails then, and is never sent
    // again: a publish without a key would be stored twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backoff,
    sentinelRetryStrategy: backoff,
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    // Measured: without it a subscriber behind Sentinel stays deaf on a master that hangs.
    failoverDetector: true,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/** Full jitter, 50 ms doubling up to 2 s. */
function backoff(attempt: number): number {
  return 20 + Math.random() * Math.min(2_000, 50 * 2 ** Math.min(attempt, 6));
}

/**
 * The pauses of one client, also where its connection stands each time, from when on ioredis counts from one again: one that Redis ends again and again
 * as soon as it stands, as that of who reads too slowly, would be made some ten times a second.
 */
class Patience {
  #stoodMs = NEVER_MS;
  #brief = 0;

  /** The connection stands. */
  stands(): void {
    this.#stoodMs = monotonicNowMs();
  }

  pauseMs(attempt: number): number {
    if (attempt === 1) this.#brief = monotonicNowMs() - this.#stoodMs > BRIEF_MS ? 0 : this.#brief + 1;
    return backoff(Math.max(attempt, this.#brief - FORGIVEN));
  }
}

/** A client for commands. It is not connected yet: call `connect()`, and listen to `error`. */
export function createCommandClient(url: RedisUrl, prefix: string): Redis | Cluster {
  const { kind, nodes, options } = parseRedisUrl(url);
  const name = `${prefix}-commands`;
  return kind === 'cluster' ? clusterClient(nodes, { ...nodeOptions(name), ...options }) : single({ name, options });
}

/** Commands follow MOVED and ASK; what was sent on a connection that closes is never sent again. */
function clusterClient(nodes: readonly ClusterAddress[], redisOptions: RedisOptions): Cluster {
  guardReplies();
  return new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    {
      redisOptions,
      // As they are named: else a certificate would be checked against an address.
      ...(redisOptions.tls !== undefined && { dnsLookup: asNamed }),
      lazyConnect: true,
      // Only while a node's connection is being made, which is within the command's time; see RedisConnection.assertReady.
      enableOfflineQueue: true,
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      maxRedirections: MAX_REDIRECTIONS,
      clusterRetryStrategy: backoff,
      slotsRefreshTimeout: COMMAND_TIMEOUT_MS,
    },
  );
}

const asNamed: NonNullable<ClusterOptions['dnsLookup']> = (name, done) => done(null, name);

/** What each connection to one node of a Cluster has: those that end are made anew by the Cluster's map. */
function nodeOptions(connectionName: string): RedisOptions {
  const {
    retryStrategy: _,
    reconnectOnError: __,
    failoverDetector: ___,
    enableOfflineQueue: ____,
    ...rest
  } = sharedOptions(connectionName);
  return rest;
}

/** A client that WAIT may block, for the master, or for one node of a Cluster: publishes that wait for replicas. */
export function createDurableClient(url: RedisUrl, prefix: string, address?: ClusterAddress): Redis {
  return single({ name: `${prefix}-durable`, options: { ...parseRedisUrl(url).options, ...address } });
}

/** A client for sharded subscriptions at one node of a Cluster; it does not resubscribe by itself. */
export function createShardClient(url: RedisUrl, prefix: string, address: ClusterAddress): Redis {
  const options = { ...parseRedisUrl(url).options, ...address, autoResubscribe: false };
  return single({ name: `${prefix}-subscriber`, options });
}

/** A client for subscriptions; it does not resubscribe by itself, the broker does. */
export function createSubscriberClient(url: RedisUrl, prefix: string): Redis {
  return single({ name: `${prefix}-subscriber`, options: { ...parseRedisUrl(url).options, autoResubscribe: false } });
}

/** A client that is told of writes; ioredis passes on what Redis says of them in RESP2 alone (measured). */
export function createWatchClient(url: RedisUrl, prefix: string): Redis {
  const options = { ...parseRedisUrl(url).options, autoResubscribe: false, protocol: 2 } as const;
  return single({ name: `${prefix}-watch`, options });
}

function single({ name, options }: { name: string; options: RedisOptions }): Redis {
  guardReplies();
  const patience = new Patience();
  const retryStrategy = (attempt: number) => patience.pauseMs(attempt);
  const client = new Redis({ ...sharedOptions(name), retryStrategy, ...options });
  client.on('ready', () => patience.stands());
  return keepTryingCredentials(revived(client));
}

/** Clients that we have closed; whatever else ends has to begin again. */
const closed = new WeakSet<Redis | Cluster>();

/**
 * Measured: when the failover detector fires while ioredis asks a Sentinel for the master, the client ends for good, in 3
 * failovers of 10. The next attempt is paced by the Sentinel's retries.
 */
function revived(client: Redis): Redis {
  client.on('end', () => {
    if (closed.has(client)) return;
    client.connect().catch(() => {
      // Told by the 'error' event, and tried again by ioredis.
    });
  });
  return client;
}

/** Disconnects; resolves when the socket is gone, at the latest after ioredis' own 2 s. Idempotent. */
export async function closeClient(client: Redis | Cluster): Promise<void> {
  const { status } = client;
  const sockets = client instanceof Cluster ? client.nodes().length : 1;
  closed.add(client);
  const gone = new Promise<void>((resolve) => void client.once('end', resolve));
  client.disconnect();
  // Between two attempts there is no socket, and ioredis says no more.
  if (sockets > 0 && (status === 'connecting' || status === 'connect' || status === 'ready')) await gone;
}
