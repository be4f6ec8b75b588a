// Collects the body of one request on uWebSockets.js, whenever the node asks for it, within bounds.

import type { HttpResponse } from 'uWebSockets.js';
import { guarded } from '../guard.js';
import type { HeaderList } from '../header-list.js';

/** Bytes taken before the node has asked for them; then reading pauses. */
const EAGER_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

type Done = (body: Buffer | undefined) => void;

/** The data handler must be set within the route, so it always is where a body is announced. */
export class UwsBody {
  readonly #failed: (error: unknown) => void;
  /** Undefined once nothing more is to be read. */
  #res: HttpResponse | undefined;
  /** Announced length; -1 when the body is chunked. */
  readonly #length: number;
  #chunks: Buffer[] = [];
  #received = 0;
  #complete: boolean;
  #over = false;
  #paused = false;
  #maxBytes = EAGER_BYTES;
  #done: Done | undefined;

  constructor(res: HttpResponse, headers: HeaderList, failed: (error: unknown) => void) {
    this.#failed = failed;
    const chunked = headers.get('transfer-encoding') !== undefined;
    this.#length = chunked ? -1 : Number(headers.get('content-length') ?? 0) || 0;
    this.#complete = this.#length === 0;
    if (this.#complete) return;
    this.#res = res;
    res.onData((chunk, last) => this.#take(chunk, last));
  }

  /** Whether the body was longer than the node takes. */
  get over(): boolean {
    return this.#over;
  }

  /** Bytes that the peer may still send; infinite when it did not say. */
  unreadBytes(): number {
    if (this.#complete) return 0;
    return this.#length === -1 ? Number.POSITIVE_INFINITY : this.#length - this.#received;
  }

  read(maxBytes: number, done: Done): void {
    if (this.#done !== undefined) throw new TypeError('the body is being read already');
    this.#done = done;
    this.#maxBytes = maxBytes;
    if (this.#complete || this.#received > maxBytes || this.#length > maxBytes) {
      this.#over = !this.#complete || this.#received > maxBytes;
      this.#hand();
    } else if (this.#paused) {
      this.#paused = false;
      this.#res?.resume();
    }
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.#res = undefined;
    this.#chunks = [];
    this.#done = undefined;
  }

  #take(chunk: ArrayBuffer, last: boolean): void {
    this.#received += chunk.byteLength;
    this.#complete = last;
    if (this.#res === undefined || this.#over) return;
    const asked = this.#done !== undefined;
    if (asked && this.#received > this.#maxBytes) {
      this.#over = true;
      this.#hand();
      return;
    }
    // uWebSockets.js takes the memory back after this call.
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (asked && last) this.#hand();
    else if (!asked && !last && this.#received > EAGER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#res.pause();
    }
  }

  #hand(): void {
    const done = this.#done ?? (() => {});
    const chunks = this.#chunks;
    const body = this.#over ? undefined : chunks.length === 1 ? chunks[0] : concat(chunks);
    this.#chunks = [];
    guarded(() => done(body), this.#failed);
  }
}

function concat(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 0 ? EMPTY : Buffer.concat(chunks);
}
