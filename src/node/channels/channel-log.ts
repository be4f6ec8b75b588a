// A channel's log as its node reads it: in turns, again while the broker is away, and isolated when the log itself is what is wrong.

import type { Broker, HistoryPage, PageLimit } from '../../broker/broker.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { Retrier } from '../../lib/retrier.js';
import { atOnce, soon } from '../../lib/timers.js';
import type { Begin } from '../../protocol/index.js';
import type { LogReads } from './log-reads.js';

/** Chosen: how much slower a log that is itself what is wrong is tried again; with the node's pauses, each 10 to 20 s at last. */
const TROUBLE_SLOWER = 10;
/** Chosen: a poll or stream with such a channel fails whole, and what its others have waits for the next. */
const RETRY_AFTER_MS = 2_000;

export interface ChannelLogParts extends Omit<LogReads, 'sharedByPolls'> {
  readonly broker: Broker;
  readonly logger: Logger;
  readonly retrier: Retrier;
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
  /** Changes when what was read before may no longer be what the log holds. */
  readonly generation: number;
  /** Called just before a read for the channel itself is sent, at each attempt. */
  readIsSent(): void;
}

/** Ends with its channel. */
export class ChannelLog {
  readonly #owner: LogOwner;
  readonly #parts: ChannelLogParts;
  #trouble: FanfareError | undefined;
  #waiting: Set<OpenWaiter> | undefined;
  /** What the channel was opened with, until the turn ends. */
  #offered: { readonly after: Begin; readonly page: HistoryPage } | undefined;

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
    const { retrier, shared } = this.#parts;
    const { name } = this.#owner;
    const isVain = () => this.#owner.isClosed || isOver();
    let isRetry = false;
    const read = async () => {
      const offered = this.#offered;
      if (offered !== undefined && isSame(offered.after, after)) return isVain() ? undefined : offered.page;
      const wanted = { name, generation: this.#owner.generation, after, limit, isRetry, isOver: isVain };
      isRetry = true;
      return shared.read(wanted);
    };
    return retrier.persist(
      () => attempt(read),
      isVain,
      (error) => {
        const trouble = troubleOf(error, name);
        if (trouble !== undefined) throw trouble;
        return 1;
      },
    );
  }

  /** Whoever asks for the same within this turn, as who had the channel opened does, has it without a read. */
  offer(after: Begin, page: HistoryPage): void {
    this.#offered = { after, page };
    soon(() => {
      this.#offered = undefined;
    });
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
    let turns = this.#parts[kind];
    const attempt = async () => {
      await before?.();
      return turns.take(send);
    };
    const page = await retrier.persist(
      attempt,
      () => this.#owner.isClosed,
      (error) => {
        turns = this.#parts.retries;
        return this.#judge(error);
      },
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

function isSame(one: Begin, other: Begin): boolean {
  return typeof one === 'string' || typeof other === 'string' ? one === other : one.last === other.last;
}
