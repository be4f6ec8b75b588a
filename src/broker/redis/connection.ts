// One connection for commands, with our function library loaded on it: what the broker and the registry call Redis by.

import { Cluster, type Redis } from 'ioredis';
import type { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { after } from '../../lib/timers.js';
import type { BrokerStatus } from '../broker.js';
import { closeClient, createCommandClient } from './clients.js';
import { ClockWarning } from './clock-warning.js';
import { slotOfKey } from './cluster-slot.js';
import { ConnectionStatus } from './connection-status.js';
import { isDiskRefusal, isFunctionMissing, NoLibraryError, toFanfareError, unavailableError } from './errors.js';
import {
  ensureLibrary,
  type FunctionLibrary,
  generateLibrary,
  hasLibrary,
  type LibraryOptions,
} from './functions/library.js';
import { type RedisNames, redisNames } from './names.js';
import { type Requirements, requireFit } from './requirements.js';
import { hasTriedAll, isSentinelRefusal } from './sentinel-credentials.js';
import { tellStrays } from './stray-replies.js';
import { parseRedisUrl, type RedisUrl } from './url.js';

/** Chosen: how long `start` waits for a Redis that is not there yet. */
export const START_TIMEOUT_MS = 10_000;
/** Chosen: after so long somebody who looks on wonders what it waits for. */
const SILENT_MS = 1_000;
/** Chosen: commands that may wait for Redis' answer; more would only pile up in memory while it hangs. */
const MAX_IN_FLIGHT = 10_000;
/** Chosen: pause before the library is tried again on a connection that stands. */
const PREPARE_RETRY_MS = 1_000;
export interface RedisConnectionOptions extends Omit<LibraryOptions, 'database'> {
  /** See `parseRedisUrl`. */
  readonly url: RedisUrl;
  readonly logger: Logger;
  /** Whether it loads the function library; who does not, uses what others have loaded. Default true. */
  readonly loadsLibrary?: boolean;
  /** How long `start` waits for Redis; default 10 s. */
  readonly startTimeoutMs?: number;
}

type Argument = string | number | Buffer;

/** Throws `TypeError` for a URL or prefix that cannot be. */
export class RedisConnection {
  readonly names: RedisNames;
  /** Of keys. */
  readonly prefix: string;
  readonly client: Redis | Cluster;
  /** The same client, where Redis is a Cluster. */
  readonly cluster: Cluster | undefined;
  /** Host and port, without secrets. */
  readonly address: string;
  readonly #library: FunctionLibrary;
  readonly #loadsLibrary: boolean;
  /** By Redis' clock, when this process first looked at its library. */
  #stamp: number | undefined;
  readonly #logger: Logger;
  readonly #startTimeoutMs: number;
  /** The masters that have our library, as far as we know. */
  readonly #prepared = new WeakSet<Redis>();
  /** Those that it is being loaded on: all who miss it wait for the same. */
  readonly #loading = new Map<Redis, Promise<void>>();
  readonly #status: ConnectionStatus;
  readonly #clock: ClockWarning;
  #preparing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #inFlight = 0;
  #refused: ((error: FanfareError) => void) | undefined;
  #started: (() => void) | undefined;

  constructor(options: RedisConnectionOptions) {
    const target = parseRedisUrl(options.url);
    const { database } = target;
    this.names = redisNames(options.prefix, database);
    this.prefix = options.prefix;
    this.address = target.address;
    this.#status = new ConnectionStatus(target, options.logger);
    this.#clock = new ClockWarning(options.logger, () => (this.#status.ready ? this.#masters() : []));
    this.#library = generateLibrary({ ...options, database });
    this.#loadsLibrary = options.loadsLibrary ?? true;
    this.#logger = options.logger;
    this.#startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
    this.client = createCommandClient(options.url, options.prefix);
    this.cluster = this.client instanceof Cluster ? this.client : undefined;
    tellStrays(this.client, options.logger);
    this.client.on('ready', () => void this.#prepare());
    // A new map of the slots may name masters that never had our library.
    this.cluster?.on('refresh', () => {
      if (this.#status.ready && this.#unprepared().length > 0) void this.#prepare();
    });
    this.client.on('close', () => this.#status.lost('the connection to Redis is closed'));
    this.client.on('error', (error: Error) => {
      // On a connection that stands it is news of something else, or of the close that follows.
      if (this.client.status !== 'ready') this.#failed(error);
    });
  }

  /**
   * Connects and loads the library; waits a while for a Redis that is not there yet. Rejects with `broker_unavailable`
   * and a message that names what to change; afterwards the connection keeps itself up.
   */
  async start(): Promise<void> {
    if (this.#closed) throw unavailableError('the connection to Redis is closed');
    if (this.#status.ready) return;
    const started = new Promise<void>((resolve, reject) => {
      this.#started = resolve;
      this.#refused = reject;
    });
    const timeout = after(this.#startTimeoutMs, () => this.#refused?.(unavailableError(this.#status.detail)));
    const silent = after(SILENT_MS, () => this.#status.waits(this.#startTimeoutMs));
    this.client.connect().catch(() => {
      // Told by the 'error' event, and tried again by ioredis.
    });
    try {
      await started;
      await this.#clock.start();
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(timeout);
      clearTimeout(silent);
      this.#started = undefined;
      this.#refused = undefined;
    }
  }

  status(): BrokerStatus {
    return this.#status.now();
  }

  /** Redis has refused to store something. Delivery goes on: no reason to send clients away, but somebody should read it. */
  noteFull(error: FanfareError): void {
    this.#status.refused(error);
  }

  /**
   * Calls `<library>_<name>` with declared keys, and loads the library where Redis has lost it. Strings are UTF-8.
   * Rejects with a `FanfareError`; `effect` says what no answer means (see `toFanfareError`).
   */
  call(effect: 'write' | 'read', name: string, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#guard(effect, keys, () => this.client.call('FCALL', this.#fcall(name, keys, args)));
  }

  /** The same with `Buffer`s for strings. */
  callBuffer(
    effect: 'write' | 'read',
    name: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<unknown> {
    return this.#guard(effect, keys, () => this.client.callBuffer('FCALL', this.#fcall(name, keys, args)));
  }

  /**
   * Throws `broker_unavailable` while Redis cannot be used: not connected, not a master, library not loaded. `call` asks
   * it by itself; whoever uses `client` directly asks first.
   */
  assertReady(): void {
    if (!this.#status.ready || this.client.status !== 'ready') {
      throw unavailableError('Redis cannot be reached or used now');
    }
  }

  /** Loads the function library where this master lacks it, once for all who ask meanwhile. Rejects with Redis' own error. */
  loadLibrary(master: Redis): Promise<void> {
    let loading = this.#loading.get(master);
    if (loading === undefined) {
      loading = this.#ensureLibrary(master).finally(() => this.#loading.delete(master));
      this.#loading.set(master, loading);
    }
    return loading;
  }

  /** Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#closed) return;
    this.#closed = true;
    this.#status.close();
    this.#clock.stop();
    this.#refused?.(unavailableError('closed'));
    await closeClient(this.client);
  }

  async #ensureLibrary(master: Redis): Promise<void> {
    if (this.#loadsLibrary) {
      // While it starts it is the newest, on each master.
      const stamp = this.#started === undefined ? this.#stamp : undefined;
      const own = await ensureLibrary(master, this.#library, this.#logger, stamp);
      this.#stamp = Math.max(this.#stamp ?? 0, own);
    } else if (!(await hasLibrary(master, this.names)) && this.#status.ready) {
      throw new NoLibraryError();
    }
  }

  #fcall(name: string, keys: readonly string[], args: readonly Argument[]): Argument[] {
    return [`${this.names.library}_${name}`, keys.length, ...keys, ...args];
  }

  async #guard(effect: 'write' | 'read', keys: readonly string[], send: () => Promise<unknown>): Promise<unknown> {
    this.assertReady();
    if (this.#inFlight >= MAX_IN_FLIGHT) throw unavailableError('too many commands wait for Redis');
    this.#inFlight++;
    try {
      return await send().catch((error: unknown) => this.#sendAgain(error, keys, send));
    } catch (failure) {
      const error = toFanfareError(failure, effect);
      if (isDiskRefusal(failure)) this.#status.refused(error);
      throw error;
    } finally {
      this.#inFlight--;
    }
  }

  /** Where Redis has lost the library, nothing was done: it is loaded, and the command sent again, up to three times. */
  async #sendAgain(error: unknown, keys: readonly string[], send: () => Promise<unknown>, times = 3): Promise<unknown> {
    if (!isFunctionMissing(error) || times === 0) throw error;
    const loading = Promise.all(this.#mastersOf(keys).map((master) => this.loadLibrary(master)));
    await loading.catch((cause: unknown) => Promise.reject(toFanfareError(cause, 'read')));
    return send().catch((again: unknown) => this.#sendAgain(again, keys, send, times - 1));
  }

  /** The master that has these keys, as the map of the slots says: another one that is away holds up nobody. */
  #mastersOf([key]: readonly string[]): Redis[] {
    const masters = this.#masters();
    if (this.cluster === undefined || key === undefined) return masters;
    const address = this.cluster.slots[slotOfKey(key)]?.[0];
    const owner = masters.filter(({ options: { host, port } }) => `${host}:${port}` === address);
    return owner.length > 0 ? owner : masters;
  }

  #masters(): Redis[] {
    return this.client instanceof Cluster ? this.client.nodes('master') : [this.client];
  }

  #unprepared(): Redis[] {
    return this.#masters().filter((master) => !this.#prepared.has(master));
  }

  #prepare(): Promise<void> {
    clearTimeout(this.#retry);
    this.#preparing ??= this.#makeReady().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #makeReady(): Promise<void> {
    try {
      for (const master of this.#unprepared()) {
        await requireFit(master, this.#requirements());
        await this.loadLibrary(master);
        if (this.cluster !== undefined) this.#prepared.add(master);
      }
      if (this.#closed) return;
      this.#status.stands();
      this.#started?.();
    } catch (error) {
      // A Cluster serves on while one of its masters is away.
      if (!this.#status.ready) this.#failed(error);
      if (this.#closed || this.client.status !== 'ready') return;
      this.#retry = after(PREPARE_RETRY_MS, () => this.#prepare());
    }
  }

  #requirements(): Requirements {
    const starting = this.#started !== undefined;
    return { names: this.names, inCluster: this.cluster !== undefined, starting, logger: this.#logger };
  }

  #failed(failure: unknown): void {
    const refusal = this.#status.failed(failure);
    // The next round asks with other credentials.
    if (refusal === undefined || (isSentinelRefusal(failure) && !hasTriedAll(this.client))) return;
    this.#refused?.(refusal);
  }
}
