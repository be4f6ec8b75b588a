// How many links each user, or each address, has at this node or in the cluster, against the most that one may have.

import type { Identity } from '../../auth/identity.js';
import { LinkTally } from '../../limits/link-tally.js';
import type { SharedLinks } from '../../limits/shared-links.js';
import { type Seat, type SeatOwner, type SharedBound, tooMany } from '../../limits/shared-subject.js';

/** Who enters, and leaves. */
type Counted = Pick<Identity, 'user' | 'connection'>;

/**
 * WebSockets, streams and waiting polls. By user who has no name is not counted, since many may share an address. A link that replaces
 * another of its session counts once with it: of a session's links all but one count, and one alone does.
 */
export class LinkCounts {
  /** 0 bounds nobody. */
  readonly #bound: SharedBound;
  readonly #shared: SharedLinks | undefined;
  /** Of most there is one link: its session is all that is kept then. */
  readonly #byName = new Map<string, string | LinkTally>();

  /** `shared` counts in place of this node alone. */
  constructor(bound: SharedBound, shared?: SharedLinks) {
    this.#bound = bound;
    this.#shared = bound.max === 0 ? undefined : shared;
  }

  /**
   * One more, from this address where that is counted. Every `enter` is owed one {@link leave} with the same, and with what this
   * answers: where the cluster counts it is what a link is ended by that turns out to be one too many. Throws `too_many_connections`.
   */
  enter(identity: Counted, address: string | undefined, owner?: SeatOwner): Seat | undefined {
    const name = this.#nameOf(identity, address);
    if (name === undefined) return undefined;
    const { connection = '' } = identity;
    if (this.#shared !== undefined) return this.#shared.enter(name, connection, owner);
    const known = this.#byName.get(name);
    if (known === undefined) {
      this.#byName.set(name, connection);
      return undefined;
    }
    const links = typeof known === 'string' ? tallyOf(known) : known;
    if (links.grows(connection) && links.counted >= this.#bound.max) throw tooMany(this.#bound, ' at a node');
    links.add(connection);
    this.#byName.set(name, links);
    return undefined;
  }

  leave(identity: Counted, address: string | undefined, seat: Seat | undefined): void {
    const name = this.#nameOf(identity, address);
    if (seat !== undefined && name !== undefined) return this.#shared?.leave(name, seat);
    const known = name === undefined ? undefined : this.#byName.get(name);
    if (name === undefined || known === undefined) return;
    if (typeof known !== 'string') known.remove(identity.connection ?? '');
    if (typeof known === 'string' || known.links === 0) this.#byName.delete(name);
  }

  #nameOf({ user }: Counted, address: string | undefined): string | undefined {
    const { max, by } = this.#bound;
    if (max === 0) return undefined;
    return by === 'address' ? address : (user ?? undefined);
  }
}

function tallyOf(session: string): LinkTally {
  const tally = new LinkTally();
  tally.add(session);
  return tally;
}
