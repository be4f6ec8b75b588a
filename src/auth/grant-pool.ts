// Grants that many have in common, kept once: most users of a product may do the same, and every link keeps its grants.

import type { Grants } from './identity.js';

/** Chosen: more than a product has kinds of users. Grants with a user's name in them pass through, and push others out. */
const MAX_KNOWN = 256;
/** Chosen: so that what is known never takes more than some 300 KB. */
const MAX_CHARACTERS = 512;

export class GrantPool {
  readonly #known = new Map<string, Grants>();

  /** The same grants, in the one object that others have too where they are known. */
  of(grants: Grants): Grants {
    const text = JSON.stringify(grants);
    if (text.length > MAX_CHARACTERS) return grants;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(text, grants);
    return grants;
  }

  get size(): number {
    return this.#known.size;
  }
}
