// Bytes that come in pieces, as one: memory is taken for the bytes, not for the pieces.

const EMPTY = Buffer.alloc(0);
/** Chosen: what many small pieces are given at first. */
const FIRST_BYTES = 1024;

/** Holds at most twice the bytes that it was given, or 1 KiB, whatever they came in. */
export class GatheredBytes {
  /** What has come stands at its beginning. */
  #room: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies `piece`. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.byteLength;
    // Most come in one piece.
    if (this.#length === 0) this.#room = Buffer.from(piece);
    else {
      if (length > this.#room.length) this.#grow(length);
      this.#room.set(piece, this.#length);
    }
    this.#length = length;
  }

  /** The same for a `piece` that belongs to the caller alone: where it is the first, it is kept as it is. */
  adopt(piece: Buffer): void {
    if (this.#length > 0 || piece.length < piece.buffer.byteLength) return this.add(piece);
    this.#room = piece;
    this.#length = piece.length;
  }

  /** Everything so far, whose bytes do not change any more, and forgets it. */
  take(): Buffer {
    const whole = this.#room.subarray(0, this.#length);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#room = EMPTY;
    this.#length = 0;
  }

  #grow(length: number): void {
    // A small one of `allocUnsafe` would keep memory that it shares with others.
    const room = Buffer.allocUnsafeSlow(Math.max(2 * length, FIRST_BYTES));
    room.set(this.#room.subarray(0, this.#length));
    this.#room = room;
  }
}
