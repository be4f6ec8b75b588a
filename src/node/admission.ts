// The door of a node: what every transport asks of whoever comes.

import type { Authenticator, Identity } from '../auth/identity.js';
import { addressKey } from '../http/address.js';
import type { ClientAddress, HeaderOf } from '../http/client-address.js';
import { Door } from '../http/door.js';
import type { Origins } from '../http/origins.js';
import type { Refused } from '../http/refusals.js';
import { steadyUnixMs } from '../lib/clocks.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { type Limit, type LimitSharing, RateLimited, SubjectLimit } from '../limits/subject-limit.js';
import { type Code, codeInfo } from '../protocol/index.js';
import { NOBODY } from './clients/visitor.js';
import type { Lifecycle } from './lifecycle.js';
import type { NodeLimits, NodeStats } from './node-options.js';
import type { Reservations } from './reservations.js';

/** Statuses of answers by HTTP to who may not come in; want of room is counted where it is asked for. */
const TURNED_AWAY: ReadonlySet<number> = new Set([401, 403]);
const NO_ROOM: ReadonlySet<Code> = new Set(['overloaded', 'draining']);

export interface AdmissionParts {
  readonly origins: Origins;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  readonly clientAddress: ClientAddress;
  readonly limits: NodeLimits;
  /** By which limits count; default `steadyUnixMs`. */
  readonly clock?: (() => number) | undefined;
  /** Makes limits that the cluster shares; without it each is the node's own. */
  readonly sharing?: LimitSharing | undefined;
  /** Tickets and users whose limits are remembered, each. */
  readonly maxLimits: number;
  /** Whether links at the same time are counted by address. */
  readonly countsLinksByAddress?: boolean;
  readonly lifecycle: Lifecycle;
  readonly reservations: Reservations;
  /** None: nothing is ever revoked. */
  readonly revocations?: { requireGood(identity: Identity): void } | undefined;
}

/** A request, as far as it tells where it comes from. */
export interface Addressed {
  /** The socket's; may cost a system call. */
  readonly remoteAddress: string;
  readonly header: HeaderOf;
}

/** {@link Door}'s steps, then room, and at last the reservation; in between the transport asks for grants and price. */
export class Admission extends Door {
  readonly commands: SubjectLimit;
  readonly publishes: SubjectLimit;
  /** Polls, and streams that are opened. */
  readonly polls: SubjectLimit;
  /** Channels that nobody had open. */
  readonly openings: SubjectLimit;
  /** Messages of backends. */
  readonly publishKey: SubjectLimit;
  /** Unix milliseconds by which limits count. */
  readonly nowMs: () => number;
  /** Whether calls are counted by address before it is known who makes them. */
  readonly countsAddresses: boolean;
  /** Whether clients with a name are counted by address, too. */
  readonly needsAddress: boolean;
  /** Plain counters: over a rate limit, and turned away for want of room or of a good ticket. */
  readonly counters = { rateLimited: 0, refused: 0 };
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    const { limits, maxLimits, sharing, clock = steadyUnixMs } = parts;
    const keep = (limit: Limit) => new SubjectLimit(limit, maxLimits, sharing);
    const addresses = keep(limits.addresses);
    super({ ...parts, addresses });
    this.#parts = parts;
    this.nowMs = clock;
    this.countsAddresses = addresses.counts('address');
    this.commands = keep(limits.commands);
    this.publishes = keep(limits.publishes);
    this.polls = keep(limits.polls);
    this.openings = keep(limits.openings);
    this.publishKey = keep(limits.publishKey);
    this.needsAddress =
      parts.countsLinksByAddress === true || this.polls.counts('address') || this.openings.counts('address');
  }

  /** What a limit by address counts a client by: its own address, or its site's, whatever proxies it came through. */
  addressOf(request: Addressed): string {
    return addressKey(this.#parts.clientAddress.of(request.remoteAddress, (name) => request.header(name)));
  }

  /** Answers at once where a ticket can be verified at once. */
  identify(token: string | undefined): Identity | Promise<Identity> {
    return token === undefined ? NOBODY : this.#parts.authenticator.verify(token);
  }

  /** As {@link identify}, of a link that shows its ticket once and then stays. */
  identifyOnce(token: string): Identity | Promise<Identity> {
    return this.#parts.authenticator.verify(token, false);
  }

  /** Throws `revoked` where that has become known since `identity` was asked for. */
  requireGood(identity: Identity): void {
    this.#parts.revocations?.requireGood(identity);
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

  /** Plain counters for metrics. */
  stats(): NodeStats {
    return { ...this.counters, ...this.refusals.stats() };
  }

  /** Counts what a client is told by HTTP, and logs who shows no good token or origin. */
  refuse(error: unknown, refused: Refused): void {
    this.refusals.count(error);
    this.refusals.tell(error, refused);
    if (error instanceof RateLimited) this.counters.rateLimited++;
    else if (error instanceof FanfareError && TURNED_AWAY.has(codeInfo(error.code).status)) this.counters.refused++;
  }

  /** As {@link refuse}, of a link that may not come in, beside what {@link count} counts. */
  turnAway(error: unknown, token: string | undefined): void {
    this.refusals.tell(error, { token });
    if (!(error instanceof FanfareError && NO_ROOM.has(error.code))) this.counters.refused++;
  }

  /** Counts what a link was told of one of its commands. */
  count(error: unknown): void {
    this.refusals.count(error);
    if (error instanceof FanfareError && error.code === 'rate_limited') this.counters.rateLimited++;
  }

  /** The last step: its place counts as taken. */
  claim(identity: Identity): void {
    this.#parts.reservations.claim(identity.reservation);
  }
}
