// The last answer on a connection of uWebSockets.js: to a request that has not come whole, or behind which nothing may be taken.

import type { HttpResponse } from 'uWebSockets.js';
import { RequestRest } from '../../../http/request-rest.js';
import { soon } from '../../../lib/timers.js';
import { type Answer, isBodyless, PASSED_BYTES } from './answer.js';
import type { UwsBody } from './body.js';

const nothing = (): void => {};

export interface LastAnswerTerms {
  /** How long the peer may take over the rest of its request, and to close. */
  readonly restMs: number;
  /** Answers as ever, where the request has come whole a turn later; none: it is the last in any case. */
  readonly stay: (() => void) | undefined;
  /** The socket has been closed. */
  readonly gone: () => void;
}

/**
 * uWebSockets.js forgets a response that has ended, but not its request: the last of it stops the connection's timer for good,
 * and what stands behind it is served. So this response never ends: the answer is written past it, and the socket stays ours
 * until it closes. Whatever else comes on it is cut.
 */
export class LastAnswer {
  readonly #body: UwsBody;
  readonly #answer: Answer;
  readonly #terms: LastAnswerTerms;
  /** Undefined once it must not be touched. */
  #res: HttpResponse | undefined;
  /** What is left of the request; undefined while the answer is not out. */
  #rest: RequestRest | undefined;

  constructor(res: HttpResponse, body: UwsBody, answer: Answer, terms: LastAnswerTerms) {
    this.#res = res;
    this.#body = body;
    this.#answer = answer;
    this.#terms = terms;
    if (body.complete) this.#write();
    else {
      body.readAway((bytes) => this.#came(bytes));
      soon(() => this.#write());
    }
  }

  peerGone(): void {
    if (this.#res === undefined) return;
    this.#res = undefined;
    this.#rest?.close();
    this.#terms.gone();
  }

  #came(bytes: number): void {
    if (this.#rest === undefined) return;
    if (!this.#body.complete) this.#rest.take(bytes);
    else this.#sent();
  }

  #write(): void {
    const res = this.#res;
    const { stay, restMs } = this.#terms;
    if (res === undefined) return;
    if (this.#body.complete && stay !== undefined) {
      this.#res = undefined;
      return stay();
    }
    this.#rest = new RequestRest(() => this.#close(), restMs);
    const whole = wholeAnswer(this.#answer);
    // Written first, so that no listener drains what is not there.
    res.cork(() => res.writeStatus(whole));
    if (whole.length > PASSED_BYTES) res.onWritable(() => this.#drain());
    if (this.#body.complete) this.#sent();
  }

  /**
   * All has come and all is out. A peer that closes by itself, as it was told to, loses nothing: it is waited for where more may
   * stand behind its chunks, as trailers do, since closing before what came has been read is a reset; and behind a longer answer.
   */
  #sent(): void {
    if (!this.#body.isChunked && this.#answer.body.length <= PASSED_BYTES) soon(() => this.#close());
  }

  /** An empty cork writes what uWebSockets.js holds; a peer that takes some of it has time anew. */
  #drain(): boolean {
    this.#res?.cork(nothing);
    this.#rest?.close();
    this.#rest = new RequestRest(() => this.#close(), this.#terms.restMs);
    return true;
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
function wholeAnswer({ status, head, body, headOnly }: Answer): Buffer {
  const lines = ['', `Date: ${new Date().toUTCString()}`, 'Connection: close'];
  const length = Buffer.byteLength(body);
  const bodyless = isBodyless(status);
  if (!bodyless && (headOnly || length === 0)) lines.push(`Content-Length: ${length}`);
  if (bodyless || headOnly || length === 0) return Buffer.concat([head, Buffer.from(`${lines.join('\r\n')}\r\n`)]);
  const rest = `${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`;
  return Buffer.concat([head, Buffer.from(rest), Buffer.from(body), Buffer.from('\r\n0\r\n')]);
}
