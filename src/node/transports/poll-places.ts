// The places of polls that wait: each counts as a connection of the node, and as a link of its user, or address.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { Seat, SeatOwner } from '../../limits/shared-subject.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import type { HttpClient, HttpClients, Poller } from '../clients/http-clients.js';
import type { LinkCounts } from '../clients/link-counts.js';

const RETRY_AFTER_MS = 1_000;

export interface PollPlacesParts {
  /** Whether the node has no place left. */
  readonly isFull: () => boolean;
  readonly counts: LinkCounts;
  readonly clients: HttpClients;
}

/** The place of one poll. */
export interface PollPlace {
  readonly identity: Identity;
  readonly keys: SubjectKeys;
  readonly seat: Seat | undefined;
  readonly poller: Poller | undefined;
}

export class PollPlaces {
  readonly #parts: PollPlacesParts;

  constructor(parts: PollPlacesParts) {
    this.#parts = parts;
  }

  /**
   * Every place is owed a {@link giveBack} with what this answers. Throws `overloaded` when the node is full, and
   * `too_many_connections` when the user, or the address, has too many links. `owner` is ended where it turns out to be one too many.
   */
  take(identity: Identity, keys: SubjectKeys, client: HttpClient, owner: SeatOwner): PollPlace {
    const { isFull, counts, clients } = this.#parts;
    if (isFull()) throw new FanfareError('overloaded', 'the node is full', { retryAfterMs: RETRY_AFTER_MS });
    const seat = counts.enter(identity, keys, owner);
    return { identity, keys, seat, poller: clients.beginWait(client) };
  }

  giveBack({ identity, keys, seat, poller }: PollPlace): void {
    this.#parts.counts.leave(identity, keys, seat);
    this.#parts.clients.endWait(poller);
  }
}
