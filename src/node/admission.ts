// The door of a node: what every transport asks of whoever comes.

import type { Authenticator, Identity } from '../auth/identity.js';
import { Door } from '../http/door.js';
import type { Origins } from '../http/origins.js';
import { FanfareError } from '../lib/errors.js';
import { RateLimited, SubjectLimit } from '../limits/subject-limit.js';
import { codeInfo } from '../protocol/index.js';
import { NOBODY } from './clients/visitor.js';
import type { Lifecycle } from './lifecycle.js';
import type { NodeLimits } from './node-options.js';
import type { Reservations } from './reservations.js';

/** Statuses of answers by HTTP to who may not come in; want of room is counted where it is asked for. */
const TURNED_AWAY: ReadonlySet<number> = new Set([401, 403]);

export interface AdmissionParts {
  readonly origins: Origins;
  readonly authenticator: Authenticator;
  readonly limits: NodeLimits;
  readonly lifecycle: Lifecycle;
  readonly reservations: Reservations;
}

/** {@link Door}'s steps, then room, and at last the reservation; in between the transport asks for grants and price. */
export class Admission extends Door {
  /** Polls and streams, and publishes by HTTP, of each of their subjects. */
  readonly reads: SubjectLimit;
  readonly publishes: SubjectLimit;
  /** Plain counters: over a rate limit, and turned away for want of room or of a good ticket. */
  readonly counters = { rateLimited: 0, refused: 0 };
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    super(parts);
    this.#parts = parts;
    this.reads = new SubjectLimit(parts.limits.reads);
    this.publishes = new SubjectLimit(parts.limits.publishes);
  }

  /** Answers at once where a ticket can be verified at once. */
  identify(token: string | undefined): Identity | Promise<Identity> {
    return token === undefined ? NOBODY : this.#parts.authenticator.verify(token);
  }

  /** As {@link identify}, of a link that shows its ticket once and then stays. */
  identifyOnce(token: string): Identity | Promise<Identity> {
    return this.#parts.authenticator.verify(token, false);
  }

  /** Throws `overloaded` or `draining` when the node takes no new link. */
  requireRoom(): void {
    try {
      this.#parts.lifecycle.requireAdmission();
    } catch (error) {
      this.counters.refused++;
      throw error;
    }
  }

  /** Counts what a client was told. */
  count(error: unknown): void {
    if (error instanceof RateLimited) this.counters.rateLimited++;
    else if (error instanceof FanfareError && TURNED_AWAY.has(codeInfo(error.code).status)) this.counters.refused++;
  }

  /** The last step: its place counts as taken. */
  claim(identity: Identity): void {
    this.#parts.reservations.claim(identity.reservation);
  }
}
