// Publishes entries of the queue: what they ask for goes out together, and what they get wrong is told as if it had.

import { FanfareError } from '../../lib/errors.js';
import type { BatchPublisher, Publication, PublishOutcome } from '../broker.js';
import { isRefusal } from '../publication.js';
import { toFanfareError, unavailableError } from '../redis/errors.js';
import { publicationOf, type QueuedEntry } from './ingest-entry.js';

export const NO_OUTCOME: PublishOutcome = { error: unavailableError('a publish was not answered') };

/** Whether no attempt can mend it: the publish is refused, or the entry is none. */
export function isWrong(error: FanfareError): boolean {
  return error.code === 'bad_field' || isRefusal(error);
}

/** One outcome for each, in their order. */
export async function publishEntries(
  entries: readonly QueuedEntry[],
  by: BatchPublisher & { readonly maxMessageBytes: number },
): Promise<readonly PublishOutcome[]> {
  const asked = entries.map((entry) => askedBy(entry, by.maxMessageBytes));
  const outcomes = await by.publishMany(asked.filter((one): one is Publication => !isRefused(one)));
  let next = 0;
  return asked.map((one) => (isRefused(one) ? { error: one } : (outcomes[next++] ?? NO_OUTCOME)));
}

function askedBy(entry: QueuedEntry, maxMessageBytes: number): Publication | FanfareError {
  try {
    return publicationOf(entry, maxMessageBytes);
  } catch (error) {
    return toFanfareError(error, 'read');
  }
}

function isRefused(one: Publication | FanfareError): one is FanfareError {
  return one instanceof FanfareError;
}
