// How many links each user has at this node, against the most that one may have.

import type { Identity } from '../../auth/identity.js';
import { FanfareError } from '../../lib/errors.js';

/** Chosen: another of the user's links has to end before. */
const RETRY_AFTER_MS = 5_000;

/**
 * WebSockets, streams and waiting polls of who has a name; who has none is not counted, since many may share an address. A link
 * that replaces another of its session counts once with it: of a session's links all but one count, and one alone does.
 */
export class LinkCounts {
  readonly #maxPerUser: number;
  /** Of most users there is one link: its session is all that is kept then. */
  readonly #byUser = new Map<string, string | UserLinks>();

  /** 0: nobody is counted. */
  constructor(maxPerUser: number) {
    this.#maxPerUser = maxPerUser;
  }

  /** One more. Every `enter` is owed one {@link leave} with the same identity. Throws `too_many_connections`. */
  enter({ user, connection = '' }: Identity): void {
    if (this.#maxPerUser === 0 || user === null) return;
    const known = this.#byUser.get(user);
    if (known === undefined) return void this.#byUser.set(user, connection);
    const links = typeof known === 'string' ? new UserLinks(known) : known;
    links.enter(connection, this.#maxPerUser);
    this.#byUser.set(user, links);
  }

  leave({ user, connection = '' }: Identity): void {
    if (this.#maxPerUser === 0 || user === null) return;
    const known = this.#byUser.get(user);
    if (known === undefined) return;
    if (typeof known === 'string' || known.leave(connection) === 0) this.#byUser.delete(user);
  }
}

/** The links of one user. A session without a name is another one each time. */
class UserLinks {
  #counted = 1;
  readonly #bySession = new Map<string, number>();

  /** It has one link. */
  constructor(session: string) {
    this.#bySession.set(session, 1);
  }

  enter(session: string, max: number): void {
    const before = this.#bySession.get(session) ?? 0;
    if (before !== 1 || session === '') {
      if (this.#counted >= max) {
        const message = `a user has at most ${max} links at a node`;
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
