// Several publishes, one by one: for a broker, or a kind of publish, that knows no other way.

import { FanfareError } from '../lib/errors.js';
import type { Publication, PublishOutcome, Stored } from './broker.js';
import { isRefusal } from './publication.js';

/** Publishes one; rejects as `Broker.publish` does. */
export type Store = (publication: Publication) => Promise<Stored>;

/** As `BatchPublisher.publishMany`. Channels do not wait for each other. */
export async function publishEach(
  store: Store,
  publications: readonly Publication[],
): Promise<readonly PublishOutcome[]> {
  const ends = new Map<string, Promise<PublishOutcome>>();
  const outcomes = publications.map((publication) => {
    const before = ends.get(publication.channel);
    const outcome = before === undefined ? settle(store, publication) : behind(before, store, publication);
    ends.set(publication.channel, outcome);
    return outcome;
  });
  return Promise.all(outcomes);
}

async function behind(
  before: Promise<PublishOutcome>,
  store: Store,
  publication: Publication,
): Promise<PublishOutcome> {
  const outcome = await before;
  const hasFailed = 'error' in outcome && !isRefusal(outcome.error);
  return hasFailed ? outcome : settle(store, publication);
}

async function settle(store: Store, publication: Publication): Promise<PublishOutcome> {
  try {
    return await store(publication);
  } catch (error) {
    if (error instanceof FanfareError) return { error };
    return { error: new FanfareError('internal', 'a publish failed', { cause: error }) };
  }
}
