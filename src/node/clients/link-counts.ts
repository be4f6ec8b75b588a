// How many links each user, or each address of those who have no name, or of all, has at this node or in the cluster, against the most that one may have.

import type { Identity } from '../../auth/identity.js';
import { LinkTally } from '../../limits/link-tally.js';
import type { SharedLinks } from '../../limits/shared-links.js';
import { type Seat, type SeatOwner, type SharedBound, tooMany } from '../../limits/shared-subject.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';

/** Who enters, and leaves. */
type Counted = Pick<Identity, 'user' | 'connection'>;
/** `user` of who has no name says the address. */
type Names = Pick<SubjectKeys, 'user' | 'address'>;

/** No user's name has half of a surrogate pair: by this begins what those are counted by who have none. */
const NAMELESS = '\uD800';

/**
 * WebSockets, streams and waiting polls. Who has no name is counted by address, where that may be many: one of them could take every
 * place of a node. A link that replaces another of its session counts once with it: of a session's links all but one count, and one alone does.
 */
export class LinkCounts {
  /** 0 bounds nobody. */
  readonly #bound: SharedBound;
  readonly #namelessMax: number;
  readonly #shared: SharedLinks | undefined;
  /** Of most there is one link: its session is all that is kept then. */
  readonly #byName = new Map<string, string | LinkTally>();

  /**
   * `shared` counts in place of this node alone, but for those who have no name: an address has `namelessMax` of them here, since a whole office
   * may be behind it.
   */
  constructor(bound: SharedBound, shared?: SharedLinks, namelessMax: number = bound.max) {
    this.#bound = bound;
    this.#namelessMax = namelessMax;
    this.#shared = bound.max === 0 ? undefined : shared;
  }

  /**
   * One more, under the names by which limits count it. Every `enter` is owed one {@link leave} with the same, and with what this
   * answers: where the cluster counts it is what a link is ended by that turns out to be one too many. Throws `too_many_connections`.
   */
  enter(identity: Counted, keys: Names, owner?: SeatOwner): Seat | undefined {
    const name = this.#nameOf(identity, keys);
    if (name === undefined) return undefined;
    const { connection = '' } = identity;
    const isOfMany = name.startsWith(NAMELESS);
    if (this.#shared !== undefined && !isOfMany) return this.#shared.enter(name, connection, owner);
    const known = this.#byName.get(name);
    if (known === undefined) {
      this.#byName.set(name, connection);
      return undefined;
    }
    const links = typeof known === 'string' ? tallyOf(known) : known;
    const bound: SharedBound = isOfMany ? { max: this.#namelessMax, by: 'address' } : this.#bound;
    if (links.grows(connection) && links.counted >= bound.max) throw tooMany(bound, ' at a node');
    links.add(connection);
    this.#byName.set(name, links);
    return undefined;
  }

  leave(identity: Counted, keys: Names, seat: Seat | undefined): void {
    const name = this.#nameOf(identity, keys);
    if (seat !== undefined && name !== undefined) return this.#shared?.leave(name, seat);
    const known = name === undefined ? undefined : this.#byName.get(name);
    if (name === undefined || known === undefined) return;
    if (typeof known !== 'string') known.remove(identity.connection ?? '');
    if (typeof known === 'string' || known.links === 0) this.#byName.delete(name);
  }

  #nameOf({ user }: Counted, keys: Names): string | undefined {
    const { max, by } = this.#bound;
    if (max === 0) return undefined;
    if (by === 'address') return keys.address;
    return user ?? (keys.user && NAMELESS + keys.user);
  }
}

function tallyOf(session: string): LinkTally {
  const tally = new LinkTally();
  tally.add(session);
  return tally;
}
