// Deals with entries that were tried: what is stored is finished, what no attempt can mend is a dead letter, all else is tried again.

import { calm } from '../../lib/calm.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { PublishOutcome } from '../broker.js';
import { isOfKeys } from '../redis/errors.js';
import { type AsideChannel, idAfter } from './aside.js';
import type { QueuedEntry } from './ingest-entry.js';
import { isWrong, NO_OUTCOME } from './publish-entries.js';
import type { StoredQueue } from './stored-queue.js';

/** Chosen: attempts on a channel that fail for a fault of its own; then what fails so is a dead letter at once. */
export const MAX_ATTEMPTS = 5;

export class Settlement {
  readonly #queue: StoredQueue;
  readonly #logger: Logger;
  #stored = 0;
  #dead = 0;

  constructor(queue: StoredQueue, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  /** Entries that were published. */
  get stored(): number {
    return this.#stored;
  }

  /** Entries that became dead letters. */
  get dead(): number {
    return this.#dead;
  }

  /** Answers how many are dealt with, of the first of them. Throws what may succeed later. */
  async settle(
    entries: readonly QueuedEntry[],
    outcomes: readonly PublishOutcome[],
    channel: AsideChannel,
  ): Promise<number> {
    let settled = 0;
    let unburied: unknown;
    for (const entry of entries) {
      const outcome = outcomes[settled++] ?? NO_OUTCOME;
      if (unburied === undefined) channel.firstId = entry.id;
      let isBroken = false;
      if ('error' in outcome) {
        const { error } = outcome;
        isBroken = this.#isOfChannel(error, channel) && ++channel.failures >= MAX_ATTEMPTS;
        if (!isBroken && !isWrong(error)) throw unburied ?? error;
        try {
          await this.#bury(entry, error);
        } catch (failure) {
          // What was stored behind it is finished all the same: a later attempt might store it once more.
          unburied ??= failure;
          if (isBroken) break;
          continue;
        }
      } else {
        this.#stored++;
        channel.failures = 0;
        channel.storedAtFailure = Number.POSITIVE_INFINITY;
      }
      this.#queue.finish(entry);
      if (unburied === undefined) channel.firstId = idAfter(entry.id);
      // Those behind it have not been tried.
      if (isBroken) break;
    }
    if (unburied !== undefined) throw unburied;
    return settled;
  }

  /** Whether it is no fault of the whole server: Redis names the channel's keys, or others have fared better since it failed last. */
  #isOfChannel(error: FanfareError, channel: AsideChannel): boolean {
    if (error.code !== 'internal') return false;
    const haveOthersFaredBetter = this.#stored > channel.storedAtFailure;
    channel.storedAtFailure = this.#stored;
    return haveOthersFaredBetter || isOfKeys(error);
  }

  async #bury(entry: QueuedEntry, error: FanfareError): Promise<void> {
    const fields = { queue: this.#queue.name, id: entry.id, code: error.code, reason: error.message };
    if (!(await this.#queue.bury(entry, error))) {
      calm(this.#logger).warn(fields, 'there is no room for another dead letter: what would be one waits in the queue');
      throw new FanfareError('storage_full', 'there is no room for another dead letter', { cause: error });
    }
    this.#dead++;
    calm(this.#logger).warn(fields, 'a queued message is now a dead letter');
  }
}
