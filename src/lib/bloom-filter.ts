// A set in a few bits for each text: it never forgets one, and says of a few others that they may be in it.

/** Specified: positions are 32 bits wide. */
const SPACE = 2 ** 32;

/**
 * Bloom's filter (CACM 13 (7), 1970), with all its probes from two hashes (Kirsch and Mitzenmacher, "Less hashing, same performance",
 * 2006). Texts of several kinds stand in it side by side. It is seeded at random: nobody can look for texts that it takes for others.
 */
export class BloomFilter {
  /** As many as keep what it was asked for. */
  readonly capacity: number;
  readonly #bits: Uint32Array;
  readonly #probes: number;
  /** Bits for each of the hash's values. */
  readonly #scale: number;
  readonly #seed: number;
  #count = 0;
  #first = 0;
  #step = 0;

  /** Of other texts `falsePositives` (above 0, below 1) are taken for one of its own once it is full. Throws `TypeError`. */
  constructor(capacity: number, falsePositives: number, random: () => number = Math.random) {
    if (!(capacity >= 1)) throw new TypeError(`capacity: expected at least 1, got ${capacity}`);
    if (!(falsePositives > 0 && falsePositives < 1)) {
      throw new TypeError(`falsePositives: expected a number between 0 and 1, got ${falsePositives}`);
    }
    this.capacity = Math.ceil(capacity);
    this.#probes = Math.max(1, Math.round(-Math.log2(falsePositives)));
    // Of all bits those that are set at the end leave 1 - falsePositives^(1/probes) clear.
    const clear = Math.log1p(-(falsePositives ** (1 / this.#probes)));
    const bits = Math.min(SPACE, Math.max(64, Math.ceil((-this.#probes * this.capacity) / clear)));
    this.#bits = new Uint32Array(Math.ceil(bits / 32));
    this.#scale = bits / SPACE;
    this.#seed = Math.floor(random() * SPACE) | 0;
  }

  /** Texts that were added and did not seem to be there. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bits.byteLength;
  }

  add(text: string, kind = 0): void {
    if (this.mayHave(text, kind)) return;
    this.#count++;
    const bits = this.#bits;
    for (let probe = 0, at = this.#first; probe < this.#probes; probe++, at = (at + this.#step) >>> 0) {
      const bit = Math.floor(at * this.#scale);
      bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  /** `false`: it was never added as this kind. */
  mayHave(text: string, kind = 0): boolean {
    this.#hash(text, kind);
    for (let probe = 0, at = this.#first; probe < this.#probes; probe++, at = (at + this.#step) >>> 0) {
      const bit = Math.floor(at * this.#scale);
      if (((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** Two lanes of multiply and xor over UTF-16, mixed into each other as MurmurHash3 ends. Makes nothing. */
  #hash(text: string, kind: number): void {
    let one = this.#seed ^ Math.imul(kind + 1, 0x9e3779b1);
    let two = Math.imul(one ^ 0x41c6ce57, 0x85ebca6b);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      one = Math.imul(one ^ unit, 0x9e3779b1);
      one ^= one >>> 15;
      two = Math.imul(two ^ unit, 0x5f356495);
      two ^= two >>> 13;
    }
    one = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(two ^ (two >>> 13), 0xc2b2ae35);
    two = Math.imul(two ^ (two >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
    this.#first = (one ^ (one >>> 16)) >>> 0;
    // Odd: no two probes of a text are the same.
    this.#step = ((two ^ (two >>> 16)) | 1) >>> 0;
  }
}
