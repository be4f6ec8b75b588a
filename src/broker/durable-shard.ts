// Publishes on one master and waits until its replicas have it: in batches, on a connection of its own that WAIT blocks.

import type { Redis } from 'ioredis';
import { monotonicNowMs } from '../lib/clocks.js';
import { FanfareError } from '../lib/errors.js';
import { isFunctionMissing, replyCode, toFanfareError, unavailableError } from './redis-errors.js';

/** Specified: how long replicas have for a batch. */
export const ACK_TIMEOUT_MS = 1_000;
/** Chosen: how long a publish may wait for the connection, or for its turn, before anything is sent. */
const QUEUE_LIFE_MS = 2_000;
/** Chosen: a batch; more only delays the first of it. */
const BATCH_CALLS = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Redis' own default of `min-replicas-max-lag`, in seconds: a replica that has been silent for longer is not counted. */
const MAX_LAG_S = 10;
const RETRY_AFTER_MS = 1_000;

/** One publish under way; settled exactly once. */
export interface DurableCall {
  readonly slot: number;
  /** What follows `FCALL`. */
  readonly args: readonly (string | number | Buffer)[];
  readonly bytes: number;
  /** How many replicas must have it. */
  readonly replicas: number;
  /** Of `monotonicNowMs`. */
  readonly queuedAtMs: number;
  /** Times that it was sent and refused for a reason that another attempt may mend. */
  tries: number;
  /** Redis has named this master for this one command, while the slot moves. */
  asking: boolean;
  resolve(offset: string): void;
  reject(error: unknown): void;
}

export interface DurableShardOptions {
  /** Not connected yet; the shard's to close. */
  readonly client: Redis;
  close(client: Redis): Promise<void>;
  loadLibrary(client: Redis): Promise<void>;
  /** Another master has the slot; nothing was written here. */
  redirect(call: DurableCall, error: unknown): void;
  /** The server is no longer a master. */
  demoted(): void;
}

/** Why a publish is not to be made a third time for the same missing library. */
const MAX_TRIES = 5;

interface Written {
  readonly call: DurableCall;
  readonly offset: string;
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
    await this.#options.close(this.#client);
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
    if (batch.length > 0) await this.#write(batch);
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
      const timer = setTimeout(settle, this.#closed ? 0 : QUEUE_LIFE_MS);
      this.#client.on('ready', settle);
      this.#stopWaiting = settle;
    });
  }

  async #onlineReplicas(): Promise<number> {
    const info = await this.#client.info('replication');
    if (/^role:slave/m.test(info)) {
      this.#options.demoted();
      throw unavailableError('this Redis has become a replica');
    }
    const lags = [...info.matchAll(/^slave\d+:.*state=online.*lag=(\d+)/gm)].map(([, lag]) => Number(lag));
    return lags.filter((lag) => lag <= MAX_LAG_S).length;
  }

  /** The next calls, without those that cannot be done now. */
  #take(online: number): readonly DurableCall[] {
    const nowMs = monotonicNowMs();
    const batch: DurableCall[] = [];
    let bytes = 0;
    while (batch.length < BATCH_CALLS && bytes < BATCH_BYTES) {
      const call = this.#queue.shift();
      if (call === undefined) break;
      if (call.replicas > online) call.reject(replicasError(call.replicas, online));
      else if (nowMs - call.queuedAtMs > QUEUE_LIFE_MS) call.reject(unavailableError('publishes wait too long'));
      else {
        batch.push(call);
        bytes += call.bytes;
      }
    }
    return batch;
  }

  /**
   * One write to the socket: what Redis answers to WAIT is then about the very connection that has written. Redis counts
   * the replicas that have all which this connection wrote.
   */
  async #write(batch: readonly DurableCall[]): Promise<void> {
    const untilMs = monotonicNowMs() + ACK_TIMEOUT_MS;
    const pipeline = this.#client.pipeline();
    const places: number[] = [];
    for (const { asking, args } of batch) {
      if (asking) pipeline.call('ASKING');
      places.push(pipeline.length);
      pipeline.call('FCALL', ...args);
    }
    const fewest = Math.min(...batch.map(({ replicas }) => replicas));
    pipeline.call('WAIT', fewest, ACK_TIMEOUT_MS);
    const { stream } = this.#client;
    const answers = (await pipeline.exec()) ?? [];
    const written: Written[] = [];
    const homeless: DurableCall[] = [];
    for (const [index, call] of batch.entries()) {
      const [error, offset] = answers[places[index] ?? -1] ?? [new Error('no answer')];
      if (error === null) written.push({ call, offset: String(offset) });
      else if (isFunctionMissing(error) && call.tries < MAX_TRIES) homeless.push(call);
      else if (MOVED.has(replyCode(error) ?? '')) this.#options.redirect(call, error);
      else call.reject(toFanfareError(error, 'write'));
    }
    const acknowledged = answers.at(-1) ?? [new Error('no answer')];
    await this.#acknowledge(written, acknowledged, (replicas) => {
      const leftMs = Math.floor(untilMs - monotonicNowMs());
      // On another connection WAIT would know nothing of what was written.
      if (leftMs < 1 || this.#client.stream !== stream) return undefined;
      return this.#client.call('WAIT', replicas, leftMs);
    });
    if (homeless.length > 0) await this.#settle(homeless);
  }

  /** Answers each call with what WAIT said; asks again for those that want more replicas than that. */
  async #acknowledge(
    written: readonly Written[],
    [failure, count]: readonly [Error | null, unknown?],
    wait: (replicas: number) => Promise<unknown> | undefined,
  ): Promise<void> {
    let have = failure === null ? Number(count) : 0;
    let cause: unknown = failure ?? undefined;
    for (const { call, offset } of written.toSorted((a, b) => a.call.replicas - b.call.replicas)) {
      if (have < call.replicas && cause === undefined) {
        try {
          have = Math.max(have, Number((await wait(call.replicas)) ?? 0));
        } catch (error) {
          cause = error;
        }
      }
      if (have >= call.replicas) call.resolve(offset);
      else call.reject(ackTimeoutError(call.replicas, have, cause));
    }
  }

  /** This master has lost the library: nothing was written, and the calls go first once it is there again. */
  async #settle(calls: readonly DurableCall[]): Promise<void> {
    try {
      await this.#options.loadLibrary(this.#client);
      for (const call of calls) call.tries++;
      this.#queue.unshift(...calls);
    } catch (error) {
      for (const call of calls) call.reject(toFanfareError(error, 'read'));
    }
  }
}

const MOVED = new Set(['MOVED', 'ASK']);

function replicasError(wanted: number, online: number): FanfareError {
  const message = `${wanted} replicas are asked for, ${online} are online: nothing was written`;
  return new FanfareError('replicas_unavailable', message, { retryAfterMs: RETRY_AFTER_MS });
}

function ackTimeoutError(wanted: number, have: number, cause: unknown): FanfareError {
  const message = `the message was written, and ${have} of ${wanted} replicas confirmed it in time`;
  return new FanfareError('ack_timeout', message, { cause, outcome: 'unknown', retryAfterMs: RETRY_AFTER_MS });
}
