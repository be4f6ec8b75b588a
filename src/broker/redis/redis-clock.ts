// Redis' clock as this process knows it: the newest that a message may be.

import { monotonicNowMs } from '../../lib/clocks.js';
import type { Logger } from '../../lib/logger.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import { formatOffset, type Offset, parseOffset } from '../../protocol/index.js';
import type { RedisConnection } from './connection.js';

/** Chosen: how often it is asked for; a clock that was set is noticed sooner, by the messages that it makes. */
const EVERY_MS = 10_000;
/** Chosen: and no more often than that, whatever comes. */
const LEAST_MS = 250;
/** Chosen: answers of which the one that came soonest counts. */
const KEPT = 6;

export interface RedisClockOptions {
  readonly connection: Pick<RedisConnection, 'client' | 'cluster'>;
  /** How far a message may lie ahead of it, in milliseconds. */
  readonly toleranceMs: number;
  readonly logger: Logger;
}

/** Owns its timer. Of a Cluster it is the clock that is furthest ahead. */
export class RedisClock {
  readonly #options: RedisClockOptions;
  /** By how much it was ahead of the monotonic clock, at least; the latest last. */
  #aheadMs: number[] = [];
  /** What sorts before it cannot be ahead: found earlier, and the clock has not been asked since. */
  #past: Offset = '';
  #timer: PeriodicTask | undefined;
  #asking: Promise<void> | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RedisClockOptions) {
    this.#options = options;
  }

  /** Resolves when it is known; rejects with what Redis says. */
  async start(): Promise<void> {
    this.stop();
    this.#timer = periodically(EVERY_MS, () => this.#askAgain()).unref();
    await this.#ask();
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.stop();
  }

  /**
   * Whether no master can have made `offset` after `previous` yet: it is ahead of the clock, and not only because its predecessor
   * is. Has the clock asked for, which may have been set.
   */
  isAhead(offset: Offset, previous: Offset): boolean {
    // Nearly always: this is asked for each message.
    if (offset < this.#past || this.#aheadMs.length === 0) return false;
    const { ms } = parseOffset(offset);
    const latestMs = monotonicNowMs() + Math.max(...this.#aheadMs) + this.#options.toleranceMs;
    this.#past = formatOffset(Math.floor(latestMs) + 1, 0);
    // Where the clock went back, or another master's is behind, each message is a millisecond after the one before.
    if (ms <= latestMs || ms <= parseOffset(previous).ms + 1) return false;
    if (monotonicNowMs() - this.#askedAtMs >= LEAST_MS) this.#askAgain();
    return true;
  }

  #askAgain(): void {
    this.#asking ??= this.#ask()
      .catch((error: Error) => this.#options.logger.debug({ error }, "Redis' clock is not known"))
      .finally(() => {
        this.#asking = undefined;
      });
  }

  async #ask(): Promise<void> {
    this.#askedAtMs = monotonicNowMs();
    const { client, cluster } = this.#options.connection;
    const masters = cluster === undefined ? [client] : cluster.nodes('master');
    const answers = await Promise.allSettled(masters.map((master) => master.time()));
    const times = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [millisecondsOf(answer.value)] : []));
    const [failed] = answers.filter(({ status }) => status === 'rejected');
    if (times.length === 0) throw failed?.status === 'rejected' ? failed.reason : new Error('no master');
    this.#aheadMs = [...this.#aheadMs.slice(1 - KEPT), Math.max(...times) - monotonicNowMs()];
    this.#past = '';
  }
}

function millisecondsOf([seconds, micros]: readonly (number | string)[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
