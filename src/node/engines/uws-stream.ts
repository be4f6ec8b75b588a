// An answer of unknown length on uWebSockets.js, with the byte count that its `write` lacks.

import type { HttpResponse } from 'uWebSockets.js';
import type { HttpStream } from './engine.js';
import { guarded } from './guard.js';

/** Largest piece handed to uWebSockets.js at once: what it holds itself cannot be counted, so it must stay small. */
const PIECE_BYTES = 64 * 1024;
const nothing = (): void => {};

/**
 * uWebSockets.js buffers without a cap and does not say how much. So it gets a next piece only once the one before has
 * left; the rest waits here, where it is counted.
 */
export class UwsStream implements HttpStream {
  readonly #failed: (error: unknown) => void;
  /** Undefined once the answer is over; uWebSockets.js throws when it is touched then. */
  #res: HttpResponse | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Size of the piece that uWebSockets.js could not pass on whole; 0 when it holds none. */
  #held = 0;
  #ending = false;
  #drained: () => void = nothing;

  constructor(res: HttpResponse, failed: (error: unknown) => void) {
    this.#res = res;
    this.#failed = failed;
    res.onWritable(() => this.#writable());
  }

  write(chunk: string | Buffer): void {
    if (this.#res === undefined || this.#ending || chunk.length === 0) return;
    if (this.#held === 0 && chunk.length <= PIECE_BYTES) {
      this.#pass(chunk);
      return;
    }
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    this.#passWaiting();
  }

  bufferedBytes(): number {
    return this.#waitingBytes + this.#held;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  end(chunk?: string | Buffer): void {
    if (chunk !== undefined) this.write(chunk);
    this.#ending = true;
    if (this.#held === 0) this.#finish();
  }

  destroy(): void {
    const res = this.#res;
    this.peerGone();
    res?.close();
  }

  /** The answer cannot go on. */
  peerGone(): void {
    this.#res = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#held = 0;
  }

  #pass(piece: string | Buffer): void {
    const res = this.#res;
    let passed = true;
    res?.cork(() => {
      passed = res.write(piece);
    });
    if (!passed) this.#held = Buffer.byteLength(piece);
  }

  #passWaiting(): void {
    let next = 0;
    while (this.#held === 0 && next < this.#waiting.length) {
      const piece = this.#waiting[next++] ?? Buffer.alloc(0);
      this.#waitingBytes -= piece.length;
      this.#pass(piece);
    }
    if (next > 0) this.#waiting = this.#waiting.slice(next);
  }

  /** uWebSockets.js leaves draining to whoever has an `onWritable`. Returns true: nothing was refused. */
  #writable(): boolean {
    if (this.#res === undefined || this.#held === 0) return true;
    this.#held = 0;
    // An empty cork writes what uWebSockets.js holds.
    if (this.#waiting.length === 0) this.#res.cork(nothing);
    else this.#passWaiting();
    if (this.#held > 0) return true;
    if (this.#ending) this.#finish();
    else guarded(this.#drained, this.#failed);
    return true;
  }

  #finish(): void {
    const res = this.#res;
    this.peerGone();
    res?.cork(() => res.end());
  }
}
