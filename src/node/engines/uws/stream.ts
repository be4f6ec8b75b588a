// An answer of unknown length on uWebSockets.js, with the byte count that its `write` lacks.

import type { HttpResponse } from 'uWebSockets.js';
import { soon, tellFault } from '../../../lib/timers.js';
import type { HttpStream } from '../engine.js';
import { guarded } from '../guard.js';

/** Largest piece handed to uWebSockets.js at once: what it holds itself cannot be counted, so it must stay small. */
const PIECE_BYTES = 64 * 1024;
/** The line breaks behind a chunk's length and behind the chunk. */
const CHUNK_BREAKS = 4;
/** A chunk's bytes on the wire: its length stands before it in hexadecimal digits. */
const wireBytes = (length: number): number => length + Math.ceil((32 - Math.clz32(length)) / 4) + CHUNK_BREAKS;
const nothing = (): void => {};
const NONE = Buffer.alloc(0);

/** Streams with something to pass on at the end of the tick: one system call for all that a tick wrote. */
export class UwsStreams {
  #dirty: UwsStream[] = [];

  add(stream: UwsStream): void {
    this.#dirty.push(stream);
    if (this.#dirty.length === 1) soon(() => this.#flush());
  }

  #flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const stream of dirty) {
      try {
        stream.flush();
      } catch (error) {
        tellFault(error);
      }
    }
  }
}

export interface UwsStreamParts {
  readonly streams: UwsStreams;
  readonly failed: (error: unknown) => void;
  /** Whether the request has come whole. */
  readonly requestCame: boolean;
  /** What means nothing to readers; empty: none. */
  readonly filler: string;
  /** Whether the connection closes behind it. */
  readonly isLast: boolean;
}

/**
 * uWebSockets.js buffers without a cap and does not say how much. So it gets a next piece only once the one before has
 * left; the rest waits here, where it is counted. It ends a chunk on the wire when it writes the next one, and readers that
 * wait for the whole of a chunk would be one event behind: so what was written is followed by `filler`, a chunk of its own.
 */
export class UwsStream implements HttpStream {
  /** uWebSockets.js does not tell. */
  readonly peerPort = undefined;
  readonly #streams: UwsStreams;
  readonly #failed: (error: unknown) => void;
  /** Undefined once the answer is over; uWebSockets.js throws when it is touched then. */
  #res: HttpResponse | undefined;
  /** The piece that waits longest: mostly one is written in a tick, and no list made for it. */
  #first: Buffer | undefined;
  #others: Buffer[] | undefined;
  #waitingBytes = 0;
  /** Size of the piece that uWebSockets.js could not pass on whole; 0 when it holds none, as far as it says. */
  #held = 0;
  #scheduled = false;
  #ending = false;
  #handedBytes = 0;
  #requestCame: boolean;
  readonly #filler: Buffer;
  readonly #isLast: boolean;
  #drained: () => void = nothing;

  constructor(res: HttpResponse, { streams, failed, requestCame, filler, isLast }: UwsStreamParts) {
    this.#res = res;
    this.#requestCame = requestCame;
    this.#filler = Buffer.from(filler);
    this.#isLast = isLast;
    this.#streams = streams;
    this.#failed = failed;
    res.onWritable(() => {
      guarded(() => this.#writable(), failed);
      // Nothing was refused.
      return true;
    });
  }

  write(chunk: string | Buffer): void {
    if (this.#res === undefined || this.#ending || chunk.length === 0) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#waitingBytes === 0 && bytes.length <= PIECE_BYTES) this.#first = bytes;
    else this.#queue(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#held > 0) return;
    if (this.#waitingBytes >= PIECE_BYTES) this.#pass();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#streams.add(this);
    }
  }

  bufferedBytes(): number {
    return this.#waitingBytes + this.#held;
  }

  handedBytes(): number {
    return this.#handedBytes;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  end(chunk?: string | Buffer): void {
    if (chunk !== undefined) this.write(chunk);
    this.#ending = true;
    this.#pass();
    if (this.#held === 0) this.#finish();
  }

  destroy(): void {
    const res = this.#res;
    this.peerGone();
    res?.close();
  }

  /** The request has come whole: the answer may end. Before, uWebSockets.js would forget the one and not the other. */
  requestCame(): void {
    this.#requestCame = true;
    if (this.#ending && this.#held === 0) this.#finish();
  }

  /** The answer cannot go on. */
  peerGone(): void {
    this.#res = undefined;
    this.#first = undefined;
    this.#others = undefined;
    this.#waitingBytes = 0;
    this.#held = 0;
  }

  /** The end of a tick in which something was written. */
  flush(): void {
    this.#scheduled = false;
    this.#pass();
  }

  #queue(bytes: Buffer): void {
    this.#others ??= [];
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) this.#others.push(bytes.subarray(at, at + PIECE_BYTES));
  }

  /** Hands over pieces until one does not pass whole. */
  #pass(): void {
    const res = this.#res;
    if (res === undefined || this.#held > 0 || this.#waitingBytes === 0) return;
    res.cork(() => {
      this.#passPieces(res);
      // An end completes the chunk before it by itself.
      if (this.#waitingBytes === 0 && !this.#ending && this.#filler.length > 0) this.#write(res, this.#filler);
    });
  }

  #passPieces(res: HttpResponse): void {
    if (this.#first !== undefined) this.#passPiece(res, this.#first);
    this.#first = undefined;
    const others = this.#others;
    if (others === undefined) return;
    let next = 0;
    for (; this.#held === 0 && next < others.length; next++) this.#passPiece(res, others[next] ?? NONE);
    this.#others = next === others.length ? undefined : others.slice(next);
  }

  #passPiece(res: HttpResponse, piece: Buffer): void {
    this.#waitingBytes -= piece.length;
    this.#write(res, piece);
  }

  #write(res: HttpResponse, piece: Buffer): void {
    this.#handedBytes += wireBytes(piece.length);
    if (!res.write(piece)) this.#held += piece.length;
  }

  /**
   * uWebSockets.js leaves draining to whoever has an `onWritable`: it is asked for even when nothing is known to be
   * held, because a cork that did not pass whole is not told of.
   */
  #writable(): void {
    const res = this.#res;
    if (res === undefined) return;
    const held = this.#held > 0;
    this.#held = 0;
    // An empty cork writes what uWebSockets.js holds.
    if (this.#waitingBytes === 0) res.cork(nothing);
    else this.#pass();
    if (this.#held > 0) return;
    if (this.#ending) this.#finish();
    else if (held) guarded(this.#drained, this.#failed);
  }

  #finish(): void {
    if (!this.#requestCame) return;
    const res = this.#res;
    this.peerGone();
    res?.cork(() => res.end('', this.#isLast));
  }
}
