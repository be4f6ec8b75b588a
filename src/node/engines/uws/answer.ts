// Answers in one piece on uWebSockets.js: those behind which the connection goes on.

import type { HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { guarded } from '../guard.js';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** To a HEAD: the length of a body, and none. */
  readonly headOnly: boolean;
}

/** A status whose answers have no body. */
export function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Writes status line and headers; the caller has corked. */
export function writeHead(res: HttpResponse, status: number, headers: Readonly<Record<string, string>>): void {
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`);
  for (const name in headers) res.writeHeader(name, headers[name] ?? '');
}

/** The kernel takes so much at once, so that closing behind it loses nothing. */
export const PASSED_BYTES = 16 * 1024;

/** Whether {@link endAndClose} can give this answer. */
export function endsWell({ status, body, headOnly }: Answer): boolean {
  return !headOnly && !isBodyless(status) && body.length <= PASSED_BYTES;
}

/** Answers and closes once that has left; what was read already is served nevertheless. */
export function endAndClose(res: HttpResponse, { status, headers, body }: Answer): void {
  res.cork(() => {
    writeHead(res, status, headers);
    res.end(body, true);
  });
}

/** Answers without a body: uWebSockets.js does not tell whether that has left. */
export function endWithoutBody(res: HttpResponse, { status, headers, body, headOnly }: Answer): void {
  res.cork(() => {
    writeHead(res, status, headers);
    if (headOnly && !isBodyless(status)) res.writeHeader('Content-Length', String(Buffer.byteLength(body)));
    // Without arguments: with a length it waits for a body, and takes `undefined` for one.
    res.endWithoutBody();
  });
}

/**
 * An answer with a body, to a request that has come whole. What the peer does not take yet stays here, and the response with it:
 * so uWebSockets.js holds next to nothing, and cuts a peer that asks for more before it has read this.
 */
export class WholeAnswer {
  /** Undefined once it has been answered, or the peer has gone. */
  #res: HttpResponse | undefined;
  readonly #body: string | Buffer;
  readonly #length: number;

  constructor(res: HttpResponse, { status, headers, body }: Answer, failed: (error: unknown) => void) {
    this.#res = res;
    this.#body = body;
    this.#length = Buffer.byteLength(body);
    res.cork(() => {
      writeHead(res, status, headers);
      this.#pass(body);
    });
    if (this.#res === undefined) return;
    res.onWritable((offset) => {
      guarded(() => this.#res?.cork(() => this.#pass(this.#from(offset))), failed);
      // Nothing was refused.
      return true;
    });
  }

  peerGone(): void {
    this.#res = undefined;
  }

  #pass(rest: string | Buffer): void {
    const [, isDone] = this.#res?.tryEnd(rest, this.#length) ?? [];
    if (isDone) this.#res = undefined;
  }

  #from(offset: number): Buffer {
    return (typeof this.#body === 'string' ? Buffer.from(this.#body) : this.#body).subarray(offset);
  }
}
