// The publishes that wait for replicas of one master, on a connection of its own: WAIT blocks it, and nothing else.

import type { Redis } from 'ioredis';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { after } from '../../lib/timers.js';
import { closeClient } from './clients.js';
import { type DurableCall, type Refusal, writeBatch } from './durable-batch.js';
import { isFunctionMissing, replyCode, toFanfareError, unavailableError } from './errors.js';
import { isReplica, onlineReplicas } from './replication-info.js';

/** Chosen: how long a publish may wait for the connection, or for its turn, before anything is sent. */
const QUEUE_LIFE_MS = 2_000;
/** Chosen: a batch; more only delays the first of it. */
const BATCH_CALLS = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Chosen: times that a call is sent again because the library was missing. */
const MAX_TRIES = 5;
/** Chosen: when to ask again for replicas that are not there. */
const RETRY_AFTER_MS = 1_000;
/** Another master has the slot. */
const ELSEWHERE = new Set(['MOVED', 'ASK']);

export interface DurableShardOptions {
  /** Not connected yet; the shard's to close. */
  readonly client: Redis;
  loadLibrary(client: Redis): Promise<void>;
  /** Another master has the slot; nothing was written here. */
  redirect(call: DurableCall, error: Error): void;
  /** The server is no longer a master. */
  demoted(): void;
}

export class DurableShard {
  readonly #options: DurableShardOptions;
  readonly #client: Redis;
  #queue: DurableCall[] = [];
  #running: Promise<void> | undefined;
  #closed = false;
  #stopWaiting = () => {};

  constructor(options: DurableShardOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#client.on('error', () => {
      // Whoever publishes is told; ioredis tries again.
    });
    this.#client.connect().catch(() => {
      // Told by the 'error' event, and tried again by ioredis.
    });
  }

  /** In the order of the calls, as far as none is refused. */
  push(call: DurableCall): void {
    this.#queue.push(call);
    this.#running ??= this.#run();
  }

  /** Closes once what is queued is done. */
  async retire(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.close();
  }

  /** Idempotent. What was sent is `ack_timeout`, what was not `broker_unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting();
    await closeClient(this.#client);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#round();
    this.#running = undefined;
  }

  /** Looks at the replicas, then writes all that has come until then. Never rejects. */
  async #round(): Promise<void> {
    let online: number;
    try {
      await this.#connected();
      online = await this.#onlineReplicas();
    } catch (error) {
      for (const call of this.#queue.splice(0)) call.reject(toFanfareError(error, 'read'));
      return;
    }
    const batch = this.#take(online);
    if (batch.length > 0) await this.#refused(await writeBatch(this.#client, batch));
  }

  #connected(): Promise<void> {
    if (this.#client.status === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#client.off('ready', settle);
        this.#stopWaiting = () => {};
        if (this.#client.status === 'ready' && !this.#closed) resolve();
        else reject(unavailableError('the connection to Redis for publishes that wait for replicas cannot be made'));
      };
      const timer = after(this.#closed ? 0 : QUEUE_LIFE_MS, settle);
      this.#client.on('ready', settle);
      this.#stopWaiting = settle;
    });
  }

  async #onlineReplicas(): Promise<number> {
    const info = await this.#client.info('replication');
    if (!isReplica(info)) return onlineReplicas(info);
    this.#options.demoted();
    throw unavailableError('this Redis has become a replica');
  }

  /** The next calls, without those that cannot be done now. */
  #take(online: number): readonly DurableCall[] {
    const nowMs = monotonicNowMs();
    const batch: DurableCall[] = [];
    let [count, bytes] = [0, 0];
    for (const call of this.#queue) {
      if (batch.length >= BATCH_CALLS || bytes >= BATCH_BYTES) break;
      count++;
      if (call.replicas > online) call.reject(replicasError(call.replicas, online));
      else if (nowMs - call.queuedAtMs > QUEUE_LIFE_MS) call.reject(unavailableError('publishes wait too long'));
      else {
        batch.push(call);
        bytes += call.bytes;
      }
    }
    this.#queue = this.#queue.slice(count);
    return batch;
  }

  /** Calls that were not written: some can be sent again. */
  async #refused(refusals: readonly Refusal[]): Promise<void> {
    const again: DurableCall[] = [];
    for (const { call, error } of refusals) {
      if (isFunctionMissing(error) && ++call.tries <= MAX_TRIES) again.push(call);
      else if (ELSEWHERE.has(replyCode(error) ?? '')) this.#options.redirect(call, error);
      else call.reject(toFanfareError(error, 'write'));
    }
    if (again.length === 0) return;
    try {
      await this.#options.loadLibrary(this.#client);
      this.#queue.unshift(...again);
    } catch (error) {
      for (const call of again) call.reject(toFanfareError(error, 'read'));
    }
  }
}

function replicasError(wanted: number, online: number): FanfareError {
  const message = `nothing was written: replicas asked for: ${wanted}, online: ${online}`;
  return new FanfareError('replicas_unavailable', message, { retryAfterMs: RETRY_AFTER_MS });
}
