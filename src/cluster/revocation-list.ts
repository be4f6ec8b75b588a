// Revocations, each exactly: found by its id, by its name, or as one that holds for everybody.

import { isImplied, nameOf, type Revocation, type RevokedName, revokes, type TokenHolder } from './revocation.js';

/** Chosen: of one name; beyond it the oldest goes where a newer one says as much. */
const MAX_OF_NAME = 64;

/** A withdrawn one stays, so that merging is the same in any order: withdrawn for good, whatever comes after. */
export class RevocationList {
  /** Oldest change first. */
  readonly #byId = new Map<string, Revocation>();
  readonly #byName = new Map<RevokedName, readonly Revocation[]>();
  readonly #general = new Map<string, Revocation>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Revocation | undefined {
    return this.#byId.get(id);
  }

  /** Oldest change first. */
  all(): Iterable<Revocation> {
    return this.#byId.values();
  }

  /** Those of one name that are in force or were withdrawn. */
  of(name: RevokedName): readonly Revocation[] {
    return this.#byName.get(name) ?? [];
  }

  /** Takes one in. `false`: it is known as this, or as withdrawn. */
  merge(revocation: Revocation): boolean {
    const known = this.#byId.get(revocation.id);
    if (known !== undefined && (known.withdrawnAtMs > 0 || revocation.withdrawnAtMs === 0)) return false;
    if (known !== undefined) this.remove(known.id);
    this.#byId.set(revocation.id, revocation);
    const name = nameOf(revocation);
    if (name !== undefined) this.#nameIt(name, revocation);
    else if (revocation.kind === 'before') this.#general.set(revocation.id, revocation);
    return true;
  }

  remove(id: string): void {
    const revocation = this.#byId.get(id);
    if (revocation === undefined) return;
    this.#byId.delete(id);
    this.#general.delete(id);
    const name = nameOf(revocation);
    if (name === undefined) return;
    const rest = this.of(name).filter((one) => one !== revocation);
    if (rest.length > 0) this.#byName.set(name, rest);
    else this.#byName.delete(name);
  }

  /** Takes away those of which `isOver` holds. */
  forget(isOver: (revocation: Revocation) => boolean): void {
    for (const revocation of this.#byId.values()) if (isOver(revocation)) this.remove(revocation.id);
  }

  /** Whether one of these that is in force at `nowMs` ends the holder's token. */
  revokes(holder: TokenHolder, nowMs: number): boolean {
    if (this.#byId.size === 0 || holder.user === null) return false;
    if (this.#general.size > 0 && anyRevokes(this.#general.values(), holder, nowMs)) return true;
    if (this.#byName.size === 0) return false;
    if (anyRevokes(this.of(`u${holder.user}`), holder, nowMs)) return true;
    return holder.tokenId !== undefined && anyRevokes(this.of(`t${holder.tokenId}`), holder, nowMs);
  }

  #nameIt(name: RevokedName, revocation: Revocation): void {
    const before = this.of(name);
    this.#byName.set(name, [...before, revocation]);
    const [oldest] = before;
    if (oldest !== undefined && before.length >= MAX_OF_NAME && isImplied(oldest, revocation)) this.remove(oldest.id);
  }
}

/** Whether one of `revocations` that is in force at `nowMs` ends the holder's token. */
export function anyRevokes(revocations: Iterable<Revocation>, holder: TokenHolder, nowMs: number): boolean {
  for (const one of revocations) if (one.expiresAtMs > nowMs && revokes(one, holder)) return true;
  return false;
}
