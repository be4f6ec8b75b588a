// Makes ioredis clients that never hang: one kind for commands, one for subscriptions.

import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from './redis-url.js';

/** Specified: a publish never hangs longer. */
const COMMAND_TIMEOUT_MS = 2_000;
/** Chosen: silence of a connection that owes an answer, after which it is made anew. */
const SOCKET_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;

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

/** A client for commands. It is not connected yet: call `connect()`, and listen to `error`. */
export function createCommandClient(url: string, prefix: string): Redis {
  return revived(new Redis({ ...sharedOptions(`${prefix}-commands`), ...targetOptions(url) }));
}

/** A client for subscriptions; it does not resubscribe by itself, the broker does. */
export function createSubscriberClient(url: string, prefix: string): Redis {
  const options = { ...sharedOptions(`${prefix}-subscriber`), ...targetOptions(url), autoResubscribe: false };
  return revived(new Redis(options));
}

/** Clients that we have closed; whatever else ends has to begin again. */
const closed = new WeakSet<Redis>();

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
export async function closeClient(client: Redis): Promise<void> {
  const { status } = client;
  closed.add(client);
  const gone = new Promise<void>((resolve) => void client.once('end', resolve));
  client.disconnect();
  // Between two attempts there is no socket, and ioredis says no more.
  if (status === 'connecting' || status === 'connect' || status === 'ready') await gone;
}

function targetOptions(url: string): RedisOptions {
  const { kind, options } = parseRedisUrl(url);
  if (kind === 'cluster') throw new TypeError('redis+cluster:// is not supported yet');
  return options;
}
