// A set of things by their names that takes little memory while it is small, as most sets of a link are.

export interface Named {
  readonly name: string;
}

/** Chosen: up to so many are looked through one by one. A `Map` with one entry takes 276 bytes, this 96 (measured, Node 20). */
const FEW = 8;

/** Each name is there once. */
export class NamedSet<T extends Named> {
  #few: readonly T[] = [];
  /** Instead of `#few`, once there were more. */
  #many: Map<string, T> | undefined;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  get(name: string): T | undefined {
    if (this.#many !== undefined) return this.#many.get(name);
    for (const item of this.#few) if (item.name === name) return item;
    return undefined;
  }

  /** In place of one of the same name. */
  add(item: T): void {
    this.delete(item.name);
    if (this.#many === undefined && this.#few.length === FEW) {
      this.#many = new Map(this.#few.map((one) => [one.name, one]));
      this.#few = [];
    }
    if (this.#many !== undefined) this.#many.set(item.name, item);
    // Not spread: that leaves room for 16 more.
    else this.#few = this.#few.length === 0 ? [item] : this.#few.concat([item]);
  }

  /** Whether there was one. */
  delete(name: string): boolean {
    if (this.#many !== undefined) return this.#many.delete(name);
    const before = this.#few;
    this.#few = before.filter((item) => item.name !== name);
    return this.#few.length < before.length;
  }

  /** In the order in which they were added; what is added or deleted meanwhile may be missed while there are few. */
  values(): Iterable<T> {
    return this.#many?.values() ?? this.#few;
  }
}
