// The revocations of the last minutes, exactly: in force whatever happens to their log, and what is written back where that lost some.

import { monotonicNowMs } from '../lib/clocks.js';
import { changedAtMs, type Revocation, type TokenHolder } from './revocation.js';
import { RevocationList } from './revocation-list.js';

/** Specified: so long every process keeps them. */
const RECENT_MS = 10 * 60_000;
/** Chosen: some 30 MiB; those that are older are left to the log. */
const MAX_RECENT = 100_000;
/** Chosen: by how much the clocks of two masters may differ. */
const MARGIN_MS = 60_000;
const FORGET_EVERY_MS = 10_000;

/** Times are by the log's clock. */
export class RecentRevocations {
  readonly #list = new RevocationList();
  /** Those of before this epoch of the log that it has not shown yet. */
  readonly #owed = new Map<string, Revocation>();
  #forgottenAtMs = 0;
  #confirmedMs = Number.NEGATIVE_INFINITY;

  all(): Iterable<Revocation> {
    return this.#list.all();
  }

  /** Whether one that is in force ends the holder's token. */
  revokes(holder: TokenHolder, nowMs: number): boolean {
    return this.#list.revokes(holder, nowMs);
  }

  /** All has been heard that there was then. */
  confirmed(nowMs: number): void {
    this.#confirmedMs = nowMs;
  }

  /** The log begins anew, and shows what it has. */
  logBegins(): void {
    for (const one of this.#list.all()) if (one.kind !== 'disconnect') this.#owed.set(one.id, one);
  }

  /** The log shows one. Answers whether links may have to be ended for it. */
  hear(one: Revocation, nowMs: number): boolean {
    const owed = this.#owed.get(one.id);
    if (owed !== undefined && (one.withdrawnAtMs > 0 || owed.withdrawnAtMs === 0)) this.#owed.delete(one.id);
    const changedMs = changedAtMs(one);
    if (changedMs > nowMs - RECENT_MS) return this.#list.merge(one) && one.withdrawnAtMs === 0;
    return changedMs > this.#confirmedMs - MARGIN_MS && one.withdrawnAtMs === 0;
  }

  /** Once the log has shown all: what it does not have, and should. */
  lost(nowMs: number): readonly Revocation[] {
    return [...this.#owed.values()].filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  /** What was lost has been written back. */
  settle(): void {
    this.#owed.clear();
  }

  /** Lets go of what is not recent any more. Cheap where it was called lately. */
  forget(nowMs: number): void {
    const atMs = monotonicNowMs();
    if (atMs - this.#forgottenAtMs < FORGET_EVERY_MS && this.#list.size <= MAX_RECENT) return;
    this.#forgottenAtMs = atMs;
    this.#list.forget((one) => one.expiresAtMs <= nowMs || changedAtMs(one) <= nowMs - RECENT_MS);
    for (const { id } of this.#list.all()) {
      if (this.#list.size <= MAX_RECENT) return;
      this.#list.remove(id);
    }
  }
}
