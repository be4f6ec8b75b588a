// The tails of channels, read many at once; those that nothing was published on yet live on, because somebody asks for them.

import { monotonicNowMs } from '../../lib/clocks.js';
import type { Logger } from '../../lib/logger.js';
import { isOffset, OFFSET_LENGTH, type Offset } from '../../protocol/index.js';
import type { RedisConnection } from './connection.js';
import { toFanfareError } from './errors.js';

/** As in fanfare-lua.ts: the tail of a channel that nothing was published on yet, renewed by whoever watches it. */
const OPENED_LIFE_MS = 5 * 60_000;
/** Chosen: a fifth of that life: a node looks at 2,000 tails a second, so that a walk over 200,000 takes another third. */
const KEEP_EVERY_MS = 60_000;
/** Chosen: keys of one MGET, so that no other command waits for long. */
const KEYS_AT_ONCE = 500;
/** The newest offset and the one at which the history began; behind them, where up to eight former masters ended. */
const BOTH = 2 * OFFSET_LENGTH + 1;
const MAX_TAIL_LENGTH = BOTH + 8 * (OFFSET_LENGTH + 1);
/** What stands for the value of a key whose master does not answer. */
const AWAY = Symbol('away');

export class Tails {
  readonly #connection: Pick<RedisConnection, 'prefix' | 'client' | 'cluster'>;
  readonly #logger: Logger;
  /** Channels whose opened tail was renewed since {@link #keptSinceMs}. */
  readonly #kept = new Set<string>();
  #keptSinceMs = monotonicNowMs();

  constructor(connection: Pick<RedisConnection, 'prefix' | 'client' | 'cluster'>, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  /** As `Broker.tails`. */
  async of(channels: readonly string[]): Promise<readonly (Offset | undefined | null)[]> {
    try {
      const values = await this.#getAll(channels.map((channel) => this.#key(channel)));
      return values.map((value, index) => (value === AWAY ? null : this.#tailIn(value, channels[index] ?? '')));
    } catch (error) {
      throw toFanfareError(error, 'read');
    }
  }

  /** Nobody asks for it any more. */
  forget(channel: string): void {
    this.#kept.delete(channel);
  }

  /**
   * The values of keys; `null` where there is none, or one of another type. A Cluster takes one key at a time, and those of a
   * master that is away are `AWAY`. Rejects where nobody answers.
   */
  async #getAll(keys: readonly string[]): Promise<readonly (string | null | typeof AWAY)[]> {
    const { client, cluster } = this.#connection;
    const size = cluster === undefined ? KEYS_AT_ONCE : 1;
    const answers: Promise<(string | null)[]>[] = [];
    for (let begin = 0; begin < keys.length; begin += size) answers.push(client.mget(keys.slice(begin, begin + size)));
    const settled = await Promise.allSettled(answers);
    const failed = settled.filter((answer) => answer.status === 'rejected');
    const [failure] = failed;
    if (failure !== undefined && (cluster === undefined || failed.length === settled.length)) throw failure.reason;
    return settled.flatMap((answer): (string | null | typeof AWAY)[] =>
      answer.status === 'fulfilled' ? answer.value : [AWAY],
    );
  }

  /** The tail in a key's value; one that was only opened lives on, because someone asks for it. */
  #tailIn(value: string | null, channel: string): Offset | undefined {
    if (value === null || value.length < BOTH || value.length > MAX_TAIL_LENGTH) return undefined;
    const tail = value.slice(0, OFFSET_LENGTH);
    if (!isOffset(tail)) return undefined;
    if (value.length === BOTH && value.endsWith(tail)) this.#keepOpened(channel);
    return tail;
  }

  /** Renews an opened tail, but not each time: that would cost more than all comparing of tails. */
  #keepOpened(channel: string): void {
    const nowMs = monotonicNowMs();
    if (nowMs - this.#keptSinceMs > KEEP_EVERY_MS) {
      this.#kept.clear();
      this.#keptSinceMs = nowMs;
    }
    if (this.#kept.has(channel)) return;
    this.#kept.add(channel);
    // Only ever later: meanwhile something may have been published, and its tail lives for longer.
    this.#connection.client.pexpire(this.#key(channel), OPENED_LIFE_MS, 'GT').catch((error: Error) => {
      this.#kept.delete(channel);
      this.#logger.debug({ error }, 'an opened tail was not renewed');
    });
  }

  #key(channel: string): string {
    return `${this.#connection.prefix}:{${channel}}:tail`;
  }
}
