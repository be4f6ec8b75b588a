// How many links each user, or each address, has at this node or in the cluster, against the most that one may have.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';
import type { SharedLinks } from '../../limits/shared-links.js';
import type { Seat, SeatOwner } from '../../limits/shared-subject.js';

/** Chosen: another of the links has to end before. */
const RETRY_AFTER_MS = 5_000;

/** Who has so many links at most; 0 bounds nobody. */
export interface LinkBound {
  readonly max: number;
  readonly by: 'user' | 'address';
}

const WHO = { user: 'a user', address: 'an address' } as const;

/**
 * WebSockets, streams and waiting polls. By user who has no name is not counted, since many may share an address. A link that replaces
 * another of its session counts once with it: of a session's links all but one count, and one alone does.
 */
export class LinkCounts {
  readonly #bound: LinkBound;
  readonly #shared: SharedLinks | undefined;
  /** Of most there is one link: its session is all that is kept then. */
  readonly #byName = new Map<string, string | OwnLinks>();

  /** `shared` counts in place of this node alone. */
  constructor(bound: LinkBound, shared?: SharedLinks) {
    this.#bound = bound;
    this.#shared = bound.max === 0 ? undefined : shared;
  }

  /**
   * One more, from this address where that is counted. Every `enter` is owed one {@link leave} with the same, and with what this
   * answers: where the cluster counts it is what a link is ended by that turns out to be one too many. Throws `too_many_connections`.
   */
  enter(identity: Identity, address: string | undefined, owner?: SeatOwner): Seat | undefined {
    const name = this.#nameOf(identity, address);
    if (name === undefined) return undefined;
    const { connection = '' } = identity;
    if (this.#shared !== undefined) return this.#shared.enter(name, connection, owner);
    const known = this.#byName.get(name);
    const links = typeof known === 'string' ? new OwnLinks(known) : known;
    links?.enter(connection, this.#bound);
    this.#byName.set(name, links ?? connection);
    return undefined;
  }

  leave(identity: Identity, address: string | undefined, seat: Seat | undefined): void {
    const name = this.#nameOf(identity, address);
    if (seat !== undefined && name !== undefined) return this.#shared?.leave(name, seat);
    const known = name === undefined ? undefined : this.#byName.get(name);
    if (name === undefined || known === undefined) return;
    const { connection = '' } = identity;
    if (typeof known === 'string' || known.leave(connection) === 0) this.#byName.delete(name);
  }

  #nameOf({ user }: Identity, address: string | undefined): string | undefined {
    const { max, by } = this.#bound;
    if (max === 0) return undefined;
    return by === 'address' ? address : (user ?? undefined);
  }
}

/** The links of one of them. A session without a name is another one each time. */
class OwnLinks {
  #counted = 1;
  readonly #bySession = new Map<string, number>();

  /** It has one link. */
  constructor(session: string) {
    this.#bySession.set(session, 1);
  }

  enter(session: string, { max, by }: LinkBound): void {
    const before = this.#bySession.get(session) ?? 0;
    if (before !== 1 || session === '') {
      if (this.#counted >= max) {
        const message = `${WHO[by]} has at most ${max} links at a node`;
        throw new FanfareError('too_many_connections', message, { retryAfterMs: RETRY_AFTER_MS });
      }
      this.#counted++;
    }
    this.#bySession.set(session, before + 1);
  }

  /** Answers how many count then. */
  leave(session: string): number {
    const before = this.#bySession.get(session) ?? 0;
    if (before === 0) return this.#counted;
    if (before === 1) this.#bySession.delete(session);
    else this.#bySession.set(session, before - 1);
    if (before !== 2 || session === '') this.#counted--;
    return this.#counted;
  }
}
