// Answers in one piece on uWebSockets.js: to a request that has come whole, and to one that has not.

import type { HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { RequestRest } from '../../../http/request-rest.js';
import { soon } from '../../../lib/timers.js';
import type { UwsBody } from './body.js';

/** The kernel takes so much at once, so that closing behind it loses nothing. */
const PASSED_BYTES = 16 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** To a HEAD: the length of a body, and none. */
  readonly headOnly: boolean;
  /** Nothing more is taken on this connection; {@link endAnswer} cannot with 204 or 304. */
  readonly close: boolean;
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

/** Answers and gives the response back: only where the request has come whole. */
export function endAnswer(res: HttpResponse, { status, headers, body, headOnly, close }: Answer): void {
  res.cork(() => {
    writeHead(res, status, headers);
    // Without arguments: with a length it waits for a body, and takes `undefined` for one.
    if (isBodyless(status)) res.endWithoutBody();
    else if (headOnly && !close) {
      res.writeHeader('Content-Length', String(Buffer.byteLength(body)));
      res.endWithoutBody();
    } else res.end(headOnly ? '' : body, close);
  });
}

/**
 * An answer to a request that has not come whole. uWebSockets.js forgets a response that has ended, but not its request:
 * the last of it stops the connection's timer for good. So the response ends with its request or, when that takes longer
 * than a turn, never: then the answer is written past it, and the socket stays ours until it closes.
 */
export class EarlyAnswer {
  readonly #body: UwsBody;
  readonly #answer: Answer;
  /** Undefined once it must not be touched. */
  #res: HttpResponse | undefined;
  readonly #restMs: number;
  readonly #gone: () => void;
  /** What is left of the request; undefined while the answer is not out. */
  #rest: RequestRest | undefined;

  /** The rest may take `restMs`; `gone` hears that the socket has been closed. */
  constructor(res: HttpResponse, body: UwsBody, answer: Answer, restMs: number, gone: () => void) {
    this.#res = res;
    this.#body = body;
    this.#answer = answer;
    this.#restMs = restMs;
    this.#gone = gone;
    body.readAway((bytes) => this.#came(bytes));
    soon(() => this.#write());
  }

  peerGone(): void {
    if (this.#res === undefined) return;
    this.#res = undefined;
    this.#rest?.close();
    this.#gone();
  }

  #came(bytes: number): void {
    const { complete } = this.#body;
    if (this.#rest !== undefined) {
      if (!complete) this.#rest.take(bytes);
      // The peer, who was told, closes behind a longer answer; or time is up.
      else if (this.#answer.body.length <= PASSED_BYTES) this.#close();
    } else if (complete) {
      const res = this.#res;
      this.#res = undefined;
      if (res !== undefined) endAnswer(res, this.#answer);
    }
  }

  #write(): void {
    const res = this.#res;
    if (res === undefined) return;
    this.#rest = new RequestRest(() => this.#close(), this.#restMs);
    res.cork(() => res.writeStatus(wholeAnswer(this.#answer)));
  }

  #close(): void {
    const res = this.#res;
    this.peerGone();
    res?.close();
  }
}

/**
 * All of an answer, as the status line that uWebSockets.js takes it for: it writes `HTTP/1.1 ` before and a line break
 * behind, which ends the head of an answer without a body, and the last chunk of another.
 */
export function wholeAnswer({ status, headers, body, headOnly }: Answer): Buffer {
  const lines = [`${status} ${STATUS_CODES[status] ?? 'Unknown'}`];
  for (const name in headers) lines.push(`${name}: ${headers[name]}`);
  lines.push(`Date: ${new Date().toUTCString()}`, 'Connection: close');
  const length = Buffer.byteLength(body);
  const bodyless = isBodyless(status);
  if (!bodyless && (headOnly || length === 0)) lines.push(`Content-Length: ${length}`);
  if (bodyless || headOnly || length === 0) return Buffer.from(`${lines.join('\r\n')}\r\n`);
  const head = `${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from('\r\n0\r\n')]);
}
