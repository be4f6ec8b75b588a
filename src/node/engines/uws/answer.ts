// Answers in one piece on uWebSockets.js: those behind which the connection goes on.

import type { HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { checkHeaders } from '../../../http/header-list.js';
import { guarded } from '../guard.js';

export interface Answer {
  readonly status: number;
  /** Of {@link headOf}. */
  readonly head: Buffer;
  readonly body: string | Buffer;
  /** To a HEAD: the length of a body, and none. */
  readonly headOnly: boolean;
}

/** A status whose answers have no body. */
export function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

/** What was written for headers that cannot have changed: mostly each of them goes with one status. */
const written = new WeakMap<object, { readonly status: number; readonly head: Buffer }>();

/**
 * Status line and headers in one piece, for `writeStatus`: uWebSockets.js writes `HTTP/1.1 ` before it and a line break behind it,
 * and each call for a header of its own costs as much as this one. Those that are frozen are put together once. Throws
 * `TypeError` at a line break in a value.
 */
export function headOf(status: number, headers: Readonly<Record<string, string>>): Buffer {
  const known = written.get(headers);
  if (known?.status === status) return known.head;
  checkHeaders(headers);
  const lines = [`${status} ${STATUS_CODES[status] ?? 'Unknown'}`];
  for (const name in headers) lines.push(`${name}: ${headers[name] ?? ''}`);
  const head = Buffer.from(lines.join('\r\n'));
  if (Object.isFrozen(headers)) written.set(headers, { status, head });
  return head;
}

/** The kernel takes so much at once, so that closing behind it loses nothing. */
export const PASSED_BYTES = 16 * 1024;

/** Whether {@link endAndClose} can give this answer. */
export function endsWell({ status, body, headOnly }: Answer): boolean {
  return !headOnly && !isBodyless(status) && body.length <= PASSED_BYTES;
}

/** Answers and closes once that has left; what was read already is served nevertheless. */
export function endAndClose(res: HttpResponse, { head, body }: Answer): void {
  res.cork(() => {
    res.writeStatus(head);
    res.end(body, true);
  });
}

/** Answers without a body: uWebSockets.js does not tell whether that has left. */
export function endWithoutBody(res: HttpResponse, { status, head, body, headOnly }: Answer): void {
  res.cork(() => {
    res.writeStatus(head);
    if (headOnly && !isBodyless(status)) res.writeHeader('Content-Length', String(Buffer.byteLength(body)));
    // Without arguments: with a length it waits for a body, and takes `undefined` for one.
    res.endWithoutBody();
  });
}

/**
 * Answers with a body to a request that has come whole. What the peer does not take yet stays here, and the response with it:
 * so uWebSockets.js holds next to nothing, and cuts a peer that asks for more before it has read this. Answers what holds the
 * rest; `undefined` where all has been passed, as nearly always.
 */
export function endWhole(
  res: HttpResponse,
  { head, body }: Answer,
  failed: (error: unknown) => void,
): HeldAnswer | undefined {
  const whole = typeof body === 'string' ? Buffer.from(body) : body;
  let isDone = false;
  res.cork(() => {
    res.writeStatus(head);
    isDone = res.tryEnd(whole, whole.length)[1];
  });
  return isDone ? undefined : new HeldAnswer(res, whole, failed);
}

/** The rest of an answer that its peer does not take yet. */
export class HeldAnswer {
  /** Undefined once it has been answered, or the peer has gone. */
  #res: HttpResponse | undefined;
  readonly #body: Buffer;

  constructor(res: HttpResponse, body: Buffer, failed: (error: unknown) => void) {
    this.#res = res;
    this.#body = body;
    res.onWritable((offset) => {
      guarded(() => this.#res?.cork(() => this.#pass(offset)), failed);
      // Nothing was refused.
      return true;
    });
  }

  peerGone(): void {
    this.#res = undefined;
  }

  #pass(offset: number): void {
    const isDone = this.#res?.tryEnd(this.#body.subarray(offset), this.#body.length)[1];
    if (isDone) this.#res = undefined;
  }
}
