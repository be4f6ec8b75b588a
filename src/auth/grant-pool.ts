// Grants that many have in common, kept once: most users of a product may do the same, and every link keeps its grants.

import type { Grants } from './identity.js';

/** Chosen: more than a product has kinds of users. Grants with a user's name in them pass through, and push others out. */
const MAX_KNOWN = 256;
/** Chosen: so that what is known never takes more than some 300 KB. */
const MAX_CHARACTERS = 512;

export class GrantPool {
  readonly #known = new Map<string, Grants>();
  #last: Grants | undefined;

  /** The same grants, in the one object that others have too where they are known. */
  of(grants: Grants): Grants {
    if (this.#last === undefined || !areSame(grants, this.#last)) this.#last = this.#find(grants);
    return this.#last;
  }

  #find(grants: Grants): Grants {
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

function areSame(one: Grants, other: Grants): boolean {
  return (
    areEqual(one.subscribe, other.subscribe) &&
    areEqual(one.publish, other.publish) &&
    areEqual(one.presence, other.presence) &&
    areEqual(one.publishLive, other.publishLive)
  );
}

function areEqual(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((pattern, at) => pattern === other[at]);
}
