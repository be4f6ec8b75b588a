// A channel's log as its node reads it: in turns, again while the broker is away, and isolated when the log itself is what is wrong.

import type { Broker, HistoryPage, PageLimit } from '../../broker/broker.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { Retrier } from '../../lib/retrier.js';
import { atOnce } from '../../lib/timers.js';
import type { Turns } from '../../lib/turns.js';
import type { Begin } from '../../protocol/index.js';

/** Chosen: how much slower a log that is itself what is wrong is tried again; with the node's pauses, each 10 to 20 s at last. */
const TROUBLE_SLOWER = 10;
/** Chosen: a poll or stream with such a channel fails whole, and what its others have waits for the next. */
const RETRY_AFTER_MS = 2_000;

export interface ChannelLogParts {
  readonly broker: Broker;
  readonly logger: Logger;
  readonly retrier: Retrier;
  /** Bounds the reads in flight that bring the node's channels back to their logs, and all others. */
  readonly repairs: Turns;
  readonly reads: Turns;
}

/**
 * The error to tell whoever waits for a channel whose log cannot be read for a reason of its own, as when one of its keys holds
 * something foreign; `undefined` where the broker is what failed, and waiting mends it.
 */
export function troubleOf(error: unknown, channel: string): FanfareError | undefined {
  if (error instanceof FanfareError && error.code !== 'internal') return undefined;
  const reason = error instanceof FanfareError ? `: ${error.message}` : '';
  return new FanfareError('internal', `the history of ${channel} cannot be read${reason}`, {
    cause: error,
    channels: [channel],
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** Hears once that a channel is open (`true`), that it was closed first (`false`), or why it cannot be opened. */
export type OpenWaiter = (outcome: boolean | FanfareError) => void;

/** Whose log it is. */
export interface LogOwner {
  readonly name: string;
  readonly isClosed: boolean;
  /** Called just before a read for the channel itself is sent, at each attempt. */
  readIsSent(): void;
}

/** Ends with its channel. */
export class ChannelLog {
  readonly #owner: LogOwner;
  readonly #parts: ChannelLogParts;
  #trouble: FanfareError | undefined;
  #waiting: Set<OpenWaiter> | undefined;

  constructor(owner: LogOwner, parts: ChannelLogParts) {
    this.#owner = owner;
    this.#parts = parts;
  }

  /**
   * Reads for one reader, again and again while the broker is away; `undefined` once the channel is closed or `isOver()`
   * holds. Rejects with `internal` when this log cannot be read. Each attempt is what `attempt` makes of one read, which
   * answers `undefined` when it is in vain.
   */
  readFor<T>(
    after: Begin,
    limit: PageLimit,
    isOver: () => boolean,
    attempt: (read: () => Promise<HistoryPage | undefined>) => Promise<T>,
  ): Promise<T | undefined> {
    const { broker, retrier, reads } = this.#parts;
    const isVain = () => this.#owner.isClosed || isOver();
    const readOnce = async () => (isVain() ? undefined : broker.read(this.#owner.name, after, limit));
    return retrier.persist(
      () => attempt(() => reads.take(readOnce)),
      isVain,
      (error) => {
        const trouble = troubleOf(error, this.#owner.name);
        if (trouble !== undefined) throw trouble;
        return 1;
      },
    );
  }

  /** Reads for the channel itself, until it succeeds; `undefined` once it is closed. `before` is done first, at each attempt. */
  async readFirst(
    kind: 'repairs' | 'reads',
    after: Begin,
    limit: PageLimit,
    before?: () => Promise<void>,
  ): Promise<HistoryPage | undefined> {
    const { broker, logger, retrier } = this.#parts;
    const send = async () => {
      if (this.#owner.isClosed) return undefined;
      this.#owner.readIsSent();
      return broker.read(this.#owner.name, after, limit);
    };
    const attempt = async () => {
      await before?.();
      return this.#parts[kind].take(send);
    };
    const page = await retrier.persist(
      attempt,
      () => this.#owner.isClosed,
      (error) => this.#judge(error),
    );
    if (this.#trouble === undefined || page === undefined) return page;
    this.#trouble = undefined;
    logger.info({ channel: this.#owner.name }, 'the history of a channel can be read again');
    return page;
  }

  /**
   * Has `waiter` {@link tell told}, never within this call: with `internal` as soon as the log proves to be one that cannot be
   * read. Answers the undo.
   */
  whenOpen(waiter: OpenWaiter): () => void {
    this.#waiting ??= new Set();
    const waiting = this.#waiting.add(waiter);
    const trouble = this.#trouble;
    if (trouble !== undefined) atOnce(() => waiting.delete(waiter) && waiter(trouble));
    return () => waiting.delete(waiter);
  }

  /** Tells all who wait. */
  tell(outcome: boolean | FanfareError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const waiter of waiting ?? []) {
      waiting?.delete(waiter);
      waiter(outcome);
    }
  }

  /** Tells at once who waits, and tries on slowly: the log heals when somebody removes what is wrong. */
  #judge(error: unknown): number {
    const trouble = troubleOf(error, this.#owner.name);
    if (trouble === undefined) return 1;
    const { logger } = this.#parts;
    if (this.#trouble === undefined)
      logger.error({ channel: this.#owner.name, error }, "a channel's history cannot be read");
    this.#trouble = trouble;
    this.tell(trouble);
    return TROUBLE_SLOWER;
  }
}
