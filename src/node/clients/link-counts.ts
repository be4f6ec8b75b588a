// How many links each user, or each address, has at this node, against the most that one may have.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';

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
  /** Of most there is one link: its session is all that is kept then. */
  readonly #byName = new Map<string, string | OwnLinks>();

  constructor(bound: LinkBound) {
    this.#bound = bound;
  }

  /** One more, from this address where that is counted. Every `enter` is owed one {@link leave} with the same. Throws `too_many_connections`. */
  enter(identity: Identity, address: string | undefined): void {
    const name = this.#nameOf(identity, address);
    if (name === undefined) return;
    const { connection = '' } = identity;
    const known = this.#byName.get(name);
    if (known === undefined) return void this.#byName.set(name, connection);
    const links = typeof known === 'string' ? new OwnLinks(known) : known;
    links.enter(connection, this.#bound);
    this.#byName.set(name, links);
  }

  leave(identity: Identity, address: string | undefined): void {
    const name = this.#nameOf(identity, address);
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
