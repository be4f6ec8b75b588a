// What the rings of a node take together: beyond its bound the largest is emptied first, and of those as large the oldest.

/** A piece of history that can be given up: the log has it too. */
export interface Forgettable {
  /** Gives back all memory, by {@link HistoryMemory.resized}. */
  forget(): void;
}

/** Sizes are told apart by their powers of two, so that nothing has to be searched or sorted. */
const CLASSES = 32;

export class HistoryMemory {
  readonly #maxBytes: number;
  /** By size; in each those that have been of it the longest come first. */
  readonly #classes: readonly Set<Forgettable>[] = Array.from({ length: CLASSES }, () => new Set<Forgettable>());
  bytes = 0;
  /** Rings that were emptied to make room. */
  dropped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether so much more takes nothing from anybody. */
  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.#maxBytes;
  }

  /** `ring` takes `bytes` now, and took `before`. May have other rings {@link Forgettable.forget forget}, never this one. */
  resized(ring: Forgettable, before: number, bytes: number): void {
    if (before > 0) this.#classOf(before)?.delete(ring);
    this.bytes += bytes - before;
    while (this.bytes > this.#maxBytes) {
      const largest = this.#largest();
      if (largest === undefined) break;
      this.dropped++;
      largest.forget();
    }
    if (bytes > 0) this.#classOf(bytes)?.add(ring);
  }

  #largest(): Forgettable | undefined {
    for (let index = CLASSES - 1; index >= 0; index--) {
      const first = this.#classes[index]?.values().next();
      if (first !== undefined && !first.done) return first.value;
    }
    return undefined;
  }

  #classOf(bytes: number): Set<Forgettable> | undefined {
    return this.#classes[Math.min(CLASSES - 1, 31 - Math.clz32(bytes))];
  }
}
