// Memory for the frames of one channel's ring: chunks that only this channel uses, so that a ring never pins another's memory.

const FIRST_CHUNK_BYTES = 512;
const LARGEST_CHUNK_BYTES = 16 * 1024;

/** A bump allocator. A chunk is freed by the garbage collector when the last frame in it leaves the ring. */
export class FrameArena {
  #chunk: Buffer | undefined;
  #used = 0;

  /** `bytes` of uninitialised memory. */
  allocate(bytes: number): Buffer {
    if (this.#chunk === undefined || this.#used + bytes > this.#chunk.length) this.#grow(bytes);
    const chunk = this.#chunk as Buffer;
    const begin = this.#used;
    this.#used = begin + bytes;
    return chunk.subarray(begin, this.#used);
  }

  #grow(bytes: number): void {
    const doubled = this.#chunk === undefined ? FIRST_CHUNK_BYTES : this.#chunk.length * 2;
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(doubled, LARGEST_CHUNK_BYTES)));
    this.#used = 0;
  }
}
