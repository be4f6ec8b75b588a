// Several publishes, one by one: for a broker, or a kind of publish, that knows no other way.

import { FanfareError } from '../lib/errors.js';
import type { Broker, Publication, PublishOutcome } from './broker.js';
import { isRefusal } from './publication.js';

/** As `BatchPublisher.publishMany`. Channels do not wait for each other. */
export async function publishEach(
  publish: Broker['publish'],
  publications: readonly Publication[],
): Promise<readonly PublishOutcome[]> {
  const ends = new Map<string, Promise<PublishOutcome>>();
  const outcomes = publications.map((publication) => {
    const before = ends.get(publication.channel);
    const outcome = before === undefined ? settle(publish, publication) : behind(before, publish, publication);
    ends.set(publication.channel, outcome);
    return outcome;
  });
  return Promise.all(outcomes);
}

async function behind(
  before: Promise<PublishOutcome>,
  publish: Broker['publish'],
  publication: Publication,
): Promise<PublishOutcome> {
  const outcome = await before;
  const hasFailed = 'error' in outcome && !isRefusal(outcome.error);
  return hasFailed ? outcome : settle(publish, publication);
}

async function settle(publish: Broker['publish'], publication: Publication): Promise<PublishOutcome> {
  try {
    return { offset: await publish(publication) };
  } catch (error) {
    if (error instanceof FanfareError) return { error };
    return { error: new FanfareError('internal', 'a publish failed', { cause: error }) };
  }
}
