// All that is revoked, in some bits for each: what it says no to needs no other look.

import { BloomFilter } from '../lib/bloom-filter.js';
import { nameOf, type Revocation, type RevokedName, type TokenHolder } from './revocation.js';
import { anyRevokes } from './revocation-list.js';

/** Chosen: two KiB, for whoever revokes next to nothing. */
const LEAST_CAPACITY = 1_024;
/** As many again may come before it has to be built anew. */
const SPARE = 2;
const USER = 0;
const TOKEN = 1;

/** What holds for everybody stands in it exactly: of that there is little, and it is asked of each token. */
export class RevocationFilter {
  readonly #names: BloomFilter;
  readonly #general = new Map<string, Revocation>();

  /** For `count` entries now. Of users and tokens that are not revoked `falsePositives` may be. */
  constructor(count: number, falsePositives: number) {
    // Each token is looked for by its user and by its id.
    this.#names = new BloomFilter(Math.max(LEAST_CAPACITY, count * SPARE), falsePositives / 2);
  }

  /** Names in it. */
  get count(): number {
    return this.#names.count;
  }

  get bytes(): number {
    return this.#names.bytes;
  }

  /** Whether it takes more for revoked than it should. */
  get isFull(): boolean {
    return this.#names.count > this.#names.capacity;
  }

  /** Whether another one, for `count` entries, would be less than half as large. */
  isWide(count: number): boolean {
    return this.#names.capacity > LEAST_CAPACITY && count * SPARE * 4 < this.#names.capacity;
  }

  /** A name stays in it after its withdrawal or its end, until the filter is built anew. */
  add(revocation: Revocation): void {
    const { id, kind, name, withdrawnAtMs } = revocation;
    if (withdrawnAtMs > 0) this.#general.delete(id);
    else if (kind === 'before') this.#general.set(id, revocation);
    else if (nameOf(revocation) !== undefined) this.#names.add(name, kind === 'token' ? TOKEN : USER);
  }

  /** Whether something that holds for everybody ends the holder's token. */
  endsAll(holder: TokenHolder, nowMs: number): boolean {
    return this.#general.size > 0 && anyRevokes(this.#general.values(), holder, nowMs);
  }

  /** `false`: neither the user nor the token was ever added. Makes nothing. */
  mayHave({ user, tokenId }: TokenHolder): boolean {
    if (this.#names.count === 0 || user === null) return false;
    return this.#names.mayHave(user, USER) || (tokenId !== undefined && this.#names.mayHave(tokenId, TOKEN));
  }

  /** Those of the holder's names that may be revoked. */
  namesOf({ user, tokenId }: TokenHolder): readonly RevokedName[] {
    const names: RevokedName[] = [];
    if (user !== null && this.#names.mayHave(user, USER)) names.push(`u${user}`);
    if (tokenId !== undefined && this.#names.mayHave(tokenId, TOKEN)) names.push(`t${tokenId}`);
    return names;
  }
}
