// Asks the log of those names that may be revoked, and remembers what it said for as long as that is so.

import { LRUCache } from 'lru-cache';
import { nameOf, type Revocation, type RevokedName } from './revocation.js';
import type { RevocationLog } from './revocation-log.js';

/** Chosen: users who come again and again after a log-out, and those whom the filter takes for others. */
const MAX_KNOWN = 10_000;

interface Asking {
  readonly answer: Promise<readonly Revocation[]>;
  /** Something came meanwhile that the answer may not have. */
  isOld: boolean;
}

/** What it remembers is kept as new as the log has been read: hand it {@link RevocationLookups.note all that comes}. */
export class RevocationLookups {
  /** Times that the log was asked. */
  asked = 0;
  readonly #log: Pick<RevocationLog, 'find'>;
  readonly #known = new LRUCache<RevokedName, readonly Revocation[]>({ max: MAX_KNOWN });
  readonly #asking = new Map<RevokedName, Asking>();

  constructor(log: Pick<RevocationLog, 'find'>) {
    this.#log = log;
  }

  /** What is known of a name; `undefined`: nobody knows without asking. */
  known(name: RevokedName): readonly Revocation[] | undefined {
    return this.#known.get(name);
  }

  /** Once for all who ask at the same time. Rejects with `broker_unavailable`. */
  find(name: RevokedName): Promise<readonly Revocation[]> {
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      this.asked++;
      asking = { answer: this.#log.find(name), isOld: false };
      this.#asking.set(name, asking);
      void this.#keep(name, asking);
    }
    return asking.answer;
  }

  /** A change that the log has told. */
  note(revocation: Revocation): void {
    const name = nameOf(revocation);
    if (name === undefined) return;
    const asking = this.#asking.get(name);
    if (asking !== undefined) asking.isOld = true;
    const known = this.#known.peek(name);
    if (known === undefined) return;
    const others = known.filter(({ id }) => id !== revocation.id);
    this.#known.set(name, revocation.withdrawnAtMs > 0 ? others : [...others, revocation]);
  }

  /** The log may have lost what it said. */
  forget(): void {
    this.#known.clear();
    for (const asking of this.#asking.values()) asking.isOld = true;
  }

  async #keep(name: RevokedName, asking: Asking): Promise<void> {
    try {
      const found = await asking.answer;
      if (!asking.isOld) this.#known.set(name, found);
    } catch {
      // Whoever has asked is told.
    } finally {
      this.#asking.delete(name);
    }
  }
}
