// Collects the body of one request on uWebSockets.js, whenever the node asks for it, within bounds.

import type { HttpResponse } from 'uWebSockets.js';
import type { HeaderList } from '../../../http/header-list.js';
import { FanfareError } from '../../../lib/errors.js';
import { GatheredBytes } from '../../../lib/gathered-bytes.js';
import { after, soon } from '../../../lib/timers.js';
import { guarded } from '../guard.js';
import type { Turn } from './turn.js';

/** Bytes taken before the node has asked for them; then reading pauses. */
const EAGER_BYTES = 64 * 1024;
/** How long it may: a paused socket sees neither its peer's FIN nor a reset, and uWebSockets.js has no timer for it. */
const PAUSED_MS = 10_000;
/**
 * A body has to come at this pace, as uWebSockets.js wants it too: that cuts its peer after 10 s, give or take 2, so that here is
 * the time to say why.
 */
const LOOK_AFTER_MS = 6_000;
const BYTES_PER_LOOK = (LOOK_AFTER_MS / 1_000) * 16 * 1024;
/** The same while an answer is under way. Chosen: several times what a publish takes until it has failed. */
const HELD_MS = 30_000;

type Done = (body: Buffer | undefined) => void;

/** The data handler must be set within the route, so it always is where a body is announced. */
export class UwsBody {
  readonly #failed: (error: unknown) => void;
  readonly #turn: Turn;
  /** Undefined once the peer has gone, or when there is no body. */
  #res: HttpResponse | undefined;
  /** Announced length; -1 when the body is chunked. */
  readonly #length: number;
  /** It came in chunks: what uWebSockets.js takes for their end may not be it. */
  readonly isChunked: boolean;
  /** What is kept of it, for whoever reads it. */
  readonly #bytes = new GatheredBytes();
  #received = 0;
  #complete: boolean;
  #over = false;
  #paused: NodeJS.Timeout | undefined;
  #maxBytes = EAGER_BYTES;
  #isAsked = false;
  /** Until it has been called: whoever waits for its answer keeps nothing that reading its request took. */
  #done: Done | undefined;
  #holds = false;
  #look: NodeJS.Timeout | undefined;
  /** While nothing is read from the connection because its request is being answered. */
  #held: NodeJS.Timeout | undefined;
  /** Told of each piece that is read away. */
  #away: ((bytes: number) => void) | undefined;

  constructor(res: HttpResponse, headers: HeaderList, turn: Turn, failed: (error: unknown) => void) {
    this.#failed = failed;
    this.#turn = turn;
    const chunked = headers.get('transfer-encoding') !== undefined;
    this.isChunked = chunked;
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

  /** `holds`: nothing more is read from the connection from the end of the body until `release`. */
  read(maxBytes: number, done: Done, holds: boolean): void {
    if (this.#isAsked) throw new TypeError('the body is being read already');
    this.#isAsked = true;
    this.#done = done;
    this.#holds = holds;
    this.#maxBytes = maxBytes;
    if (this.#complete || this.#received > maxBytes || this.#length > maxBytes) {
      this.#over = !this.#complete || this.#received > maxBytes;
      this.#hand();
    }
    this.#resume();
    if (this.#done !== undefined && !this.#complete && !this.#over) this.#lookAfter();
  }

  #lookAfter(): void {
    const before = this.#received;
    this.#look = after(LOOK_AFTER_MS, () => {
      if (this.#complete || this.#done === undefined || this.#res === undefined) return;
      if (this.#received - before >= BYTES_PER_LOOK) return this.#lookAfter();
      this.#failed(new FanfareError('request_timeout', 'the request did not arrive in time'));
    });
  }

  /** Nobody wants the rest: it is told to `away`, piece by piece, and dropped. Not for a body that is complete. */
  readAway(away: (bytes: number) => void): void {
    this.#away = away;
    this.#bytes.clear();
    this.#done = undefined;
    this.#resume();
  }

  /** Its request is answered: whoever reads it is called no more, and what comes next is read. */
  release(): void {
    this.#done = undefined;
    clearTimeout(this.#look);
    if (this.#held === undefined) return;
    clearTimeout(this.#held);
    this.#held = undefined;
    this.#res?.resume();
  }

  /** The peer has gone. */
  drop(): void {
    clearTimeout(this.#paused);
    clearTimeout(this.#held);
    clearTimeout(this.#look);
    this.#res = undefined;
    this.#bytes.clear();
    this.#done = undefined;
  }

  #take(chunk: ArrayBuffer, last: boolean): void {
    this.#received += chunk.byteLength;
    this.#complete = last;
    if (this.#away !== undefined) this.#away(chunk.byteLength);
    if (this.#res === undefined || this.#away !== undefined || this.#over) return;
    const asked = this.#isAsked;
    if (asked && this.#received > this.#maxBytes) {
      this.#over = true;
      this.#hand();
      return;
    }
    // uWebSockets.js takes the memory back after this call.
    if (chunk.byteLength > 0) this.#bytes.add(new Uint8Array(chunk));
    // Only once it is known that nothing stands behind it: what is done for a request is also answered.
    if (asked && last) this.#turn.add(() => this.#hand());
    else if (!asked && !last && this.#received > EAGER_BYTES) soon(() => this.#pause());
  }

  /** Once all that was read has been taken: of a body that is complete nothing may be paused, `resume` would cut the link in 10 s. */
  #pause(): void {
    const res = this.#res;
    if (res === undefined || this.#complete || this.#isAsked || this.#away !== undefined) return;
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
    const done = this.#done;
    clearTimeout(this.#look);
    this.#done = undefined;
    if (done === undefined) return;
    if (this.#holds && this.#complete && this.#res !== undefined) {
      const res = this.#res;
      res.pause();
      this.#held = after(HELD_MS, () => res.close());
    }
    const body = this.#over ? undefined : this.#bytes.take();
    this.#bytes.clear();
    guarded(() => done(body), this.#failed);
  }
}
