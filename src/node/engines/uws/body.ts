// Collects the body of one request on uWebSockets.js, whenever the node asks for it, within bounds.

import type { HttpResponse } from 'uWebSockets.js';
import { after, soon } from '../../../lib/timers.js';
import { guarded } from '../guard.js';
import type { HeaderList } from '../header-list.js';

/** Bytes taken before the node has asked for them; then reading pauses. */
const EAGER_BYTES = 64 * 1024;
/** How long it may: a paused socket sees neither its peer's FIN nor a reset, and uWebSockets.js has no timer for it. */
const PAUSED_MS = 10_000;
const EMPTY = Buffer.alloc(0);

type Done = (body: Buffer | undefined) => void;

/** The data handler must be set within the route, so it always is where a body is announced. */
export class UwsBody {
  readonly #failed: (error: unknown) => void;
  /** Undefined once the peer has gone, or when there is no body. */
  #res: HttpResponse | undefined;
  /** Announced length; -1 when the body is chunked. */
  readonly #length: number;
  #chunks: Buffer[] = [];
  #received = 0;
  #complete: boolean;
  #over = false;
  #paused: NodeJS.Timeout | undefined;
  #maxBytes = EAGER_BYTES;
  #done: Done | undefined;
  /** Told of each piece that is read away. */
  #away: ((bytes: number) => void) | undefined;

  constructor(res: HttpResponse, headers: HeaderList, failed: (error: unknown) => void) {
    this.#failed = failed;
    const chunked = headers.get('transfer-encoding') !== undefined;
    this.#length = chunked ? -1 : Number(headers.get('content-length') ?? 0) || 0;
    // What is no length ends the connection as soon as uWebSockets.js looks at it.
    this.#complete = !chunked && !(this.#length > 0);
    if (this.#complete) return;
    this.#res = res;
    res.onData((chunk, last) => guarded(() => this.#take(chunk, last), failed));
  }

  /** Whether nothing of it is still to come. */
  get complete(): boolean {
    return this.#complete;
  }

  read(maxBytes: number, done: Done): void {
    if (this.#done !== undefined) throw new TypeError('the body is being read already');
    this.#done = done;
    this.#maxBytes = maxBytes;
    if (this.#complete || this.#received > maxBytes || this.#length > maxBytes) {
      this.#over = !this.#complete || this.#received > maxBytes;
      this.#hand();
    }
    this.#resume();
  }

  /** Nobody wants the rest: it is told to `away`, piece by piece, and dropped. Not for a body that is complete. */
  readAway(away: (bytes: number) => void): void {
    this.#away = away;
    this.#chunks = [];
    this.#done = undefined;
    this.#resume();
  }

  /** The peer has gone. */
  drop(): void {
    clearTimeout(this.#paused);
    this.#res = undefined;
    this.#chunks = [];
    this.#done = undefined;
  }

  #take(chunk: ArrayBuffer, last: boolean): void {
    this.#received += chunk.byteLength;
    this.#complete = last;
    if (this.#away !== undefined) this.#away(chunk.byteLength);
    if (this.#res === undefined || this.#away !== undefined || this.#over) return;
    const asked = this.#done !== undefined;
    if (asked && this.#received > this.#maxBytes) {
      this.#over = true;
      this.#hand();
      return;
    }
    // uWebSockets.js takes the memory back after this call.
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (asked && last) this.#hand();
    else if (!asked && !last && this.#received > EAGER_BYTES) soon(() => this.#pause());
  }

  /** Once all that was read has been taken: of a body that is complete nothing may be paused, `resume` would cut the link in 10 s. */
  #pause(): void {
    const res = this.#res;
    if (res === undefined || this.#complete || this.#done !== undefined || this.#away !== undefined) return;
    if (this.#paused !== undefined) return;
    res.pause();
    this.#paused = after(PAUSED_MS, () => res.close());
  }

  #resume(): void {
    if (this.#paused === undefined) return;
    clearTimeout(this.#paused);
    this.#paused = undefined;
    this.#res?.resume();
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
