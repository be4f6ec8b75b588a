// The places of polls that wait: each counts as a connection of the node, and as a link of its user.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { HttpClient, HttpClients, Poller } from '../clients/http-clients.js';
import type { LinkCounts } from '../clients/link-counts.js';

const RETRY_AFTER_MS = 1_000;

export interface PollPlacesParts {
  /** Whether the node has no place left. */
  readonly isFull: () => boolean;
  readonly counts: LinkCounts;
  readonly clients: HttpClients;
}

export class PollPlaces {
  readonly #parts: PollPlacesParts;

  constructor(parts: PollPlacesParts) {
    this.#parts = parts;
  }

  /**
   * Every place is owed a {@link giveBack} with what this answers. Throws `overloaded` when the node is full, and
   * `too_many_connections` when the user, or the address, has too many links.
   */
  take(identity: Identity, address: string | undefined, client: HttpClient): Poller | undefined {
    const { isFull, counts, clients } = this.#parts;
    if (isFull()) throw new FanfareError('overloaded', 'the node is full', { retryAfterMs: RETRY_AFTER_MS });
    counts.enter(identity, address);
    return clients.beginWait(client);
  }

  giveBack(identity: Identity, address: string | undefined, poller: Poller | undefined): void {
    this.#parts.counts.leave(identity, address);
    this.#parts.clients.endWait(poller);
  }
}
