// One HTTP request on uWebSockets.js, copied while it can be read, and its answer.

import type { HttpResponse } from 'uWebSockets.js';
import { plainAddress } from '../../../http/address.js';
import type { HeaderList } from '../../../http/header-list.js';
import { REST_MS, RequestRest, SHORT_REST_MS } from '../../../http/request-rest.js';
import type { HttpExchange, HttpStream } from '../engine.js';
import { guarded } from '../guard.js';
import { errorAnswer } from '../refusal.js';
import {
  type Answer,
  endAndClose,
  endsWell,
  endWhole,
  endWithoutBody,
  type HeldAnswer,
  headOf,
  isBodyless,
} from './answer.js';
import { UwsBody } from './body.js';
import { LastAnswer } from './last-answer.js';
import type { UwsSockets } from './socket.js';
import { UwsStream } from './stream.js';

/** Its fields as they stood in the request. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderList;
}

export class UwsExchange implements HttpExchange {
  readonly #head: RequestHead;
  readonly #sockets: UwsSockets;
  readonly #body: UwsBody;
  /** Undefined once it must not be touched: answered in one piece, or the peer has gone. */
  #res: HttpResponse | undefined;
  #stream: UwsStream | undefined;
  /** The answer that is on its way. */
  #answer: HeldAnswer | LastAnswer | undefined;
  /** What is left of a request that a stream answers. */
  #rest: RequestRest | undefined;
  #remoteAddress: string | undefined;
  #answered = false;
  #isAdmitted = false;
  #aborted = false;
  #abortListener: (() => void) | undefined;

  constructor(res: HttpResponse, head: RequestHead, sockets: UwsSockets) {
    this.#res = res;
    this.#head = head;
    this.#sockets = sockets;
    // First of all: without it uWebSockets.js ends the process.
    res.onAborted(() => guarded(() => this.#peerGone(), sockets.fail));
    this.#body = new UwsBody(res, head.headers, sockets.turn, this.fail);
  }

  get method(): string {
    return this.#head.method;
  }
  get path(): string {
    return this.#head.path;
  }
  get query(): string {
    return this.#head.query;
  }
  /** Asked for late: it costs a system call, a tenth of a small request. */
  get remoteAddress(): string {
    if (this.#remoteAddress === undefined && this.#res !== undefined) this.#remoteAddress = addressOf(this.#res);
    return this.#remoteAddress ?? '';
  }
  get aborted(): boolean {
    return this.#aborted;
  }

  header(name: string): string | undefined {
    return this.#head.headers.get(name);
  }

  *headers(): Iterable<readonly [string, string]> {
    for (const [name, value] of this.#head.headers) yield [name, byteString(value)];
  }

  readBody(maxBytes: number, done: (body: Buffer | undefined) => void, holds = false): void {
    this.#body.read(maxBytes, done, holds);
  }

  onAbort(listener: () => void): void {
    this.#abortListener = listener;
  }

  admit(): void {
    this.#isAdmitted = true;
    this.#head.headers.keepOnly('origin');
    const { handshakes } = this.#sockets;
    // Who polls on a kept connection was let in before, and who it is costs a system call.
    if (!this.#aborted && !handshakes.isEmpty) handshakes.end(this.remoteAddress);
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer = ''): void {
    this.#send(this.#answerOf(status, headers, body), false);
  }

  stream(status: number, headers: Readonly<Record<string, string>>, filler = ''): HttpStream {
    if (this.method === 'HEAD') {
      this.respond(status, headers);
      return deadStream;
    }
    const { complete, isChunked } = this.#body;
    const head = headOf(status, isChunked ? { ...headers, Connection: 'close' } : headers);
    const res = this.#begin();
    if (res === undefined) return deadStream;
    const parts = {
      streams: this.#sockets.streams,
      failed: this.fail,
      requestCame: complete,
      filler,
      isLast: isChunked,
    };
    const stream = new UwsStream(res, parts);
    this.#stream = stream;
    if (!this.#body.complete) {
      const rest = new RequestRest(() => stream.destroy());
      this.#rest = rest;
      this.#body.readAway((bytes) => {
        if (!this.#body.complete) return rest.take(bytes);
        rest.close();
        stream.requestCame();
      });
    }
    res.cork(() => res.writeStatus(head));
    return stream;
  }

  /** Answers that the request cannot be handled, and closes: what follows on the connection cannot be trusted. */
  refuse(error: unknown): void {
    const { status, headers, body } = errorAnswer(error, this.header('origin'), this.#sockets.handlers);
    this.#send(this.#answerOf(status, headers, body), true);
  }

  /** What the node threw: answered with 500 where an answer is still possible. */
  readonly fail = (error: unknown): void => {
    const answer = errorAnswer(error, this.header('origin'), this.#sockets.handlers);
    if (!this.#answered) this.respond(answer.status, answer.headers, answer.body);
    else this.#stream?.destroy();
  };

  #answerOf(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): Answer {
    return { status, head: headOf(status, headers), body, headOnly: this.method === 'HEAD' };
  }

  #send(answer: Answer, isLast: boolean): void {
    const res = this.#begin();
    if (res === undefined) return;
    this.#body.release();
    const closes = isLast || this.#closes(answer);
    if (this.#body.complete && !closes) return this.#end(res, answer);
    const { count, handshakes, unread } = this.#sockets;
    const { remoteAddress } = this;
    if (this.#body.complete && endsWell(answer) && !this.#body.isChunked && !unread.isOneTooMany()) {
      this.#res = undefined;
      if (handshakes.hasCrowd && !this.#isAdmitted) handshakes.end(remoteAddress);
      return endAndClose(res, answer);
    }
    this.#answer = new LastAnswer(res, this.#body, answer, {
      restMs: count.isShort || handshakes.isCrowded(remoteAddress) ? SHORT_REST_MS : REST_MS,
      stay: closes ? undefined : () => this.#end(res, answer),
      gone: () => {
        if (!this.#isAdmitted) handshakes.end(remoteAddress);
      },
    });
  }

  /** Whether nothing may be served on this connection after this. */
  #closes({ status, headOnly }: Answer): boolean {
    const { count, handshakes, unread } = this.#sockets;
    if (this.#body.isChunked || count.isShort) return true;
    if ((headOnly || isBodyless(status)) && unread.isOneTooMany()) return true;
    // Of a connection that is kept it is not known whether this was its first request: it counts until it is too old to.
    return handshakes.hasCrowd && handshakes.isCrowded(this.remoteAddress);
  }

  #end(res: HttpResponse, answer: Answer): void {
    if (answer.headOnly || isBodyless(answer.status)) {
      this.#res = undefined;
      return endWithoutBody(res, answer);
    }
    this.#answer = endWhole(res, answer, this.fail);
    if (this.#answer === undefined) this.#res = undefined;
  }

  /** Claims the answer; undefined when the peer has gone. */
  #begin(): HttpResponse | undefined {
    if (this.#answered) throw new TypeError('the request has been answered already');
    this.#answered = true;
    return this.#res;
  }

  #peerGone(): void {
    this.#res = undefined;
    this.#aborted = true;
    this.#stream?.peerGone();
    this.#answer?.peerGone();
    this.#rest?.close();
    this.#body.drop();
    if (this.#answered && this.#stream === undefined) return;
    const listener = this.#abortListener;
    if (listener !== undefined) guarded(listener, this.fail);
  }
}

/** uWebSockets.js reads the values that it tells one by one as UTF-8. */
function byteString(value: string): string {
  return /[\u0080-\uffff]/.test(value) ? Buffer.from(value).toString('latin1') : value;
}

const IPV4_BYTES = 4;

/** The address of a peer that is still there. */
export function addressOf(res: HttpResponse): string {
  const bytes = new Uint8Array(res.getRemoteAddress());
  // Each connection is asked for its address twice at least: the commonest kind is made without a native call more.
  if (bytes.length === IPV4_BYTES) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return plainAddress(Buffer.from(res.getRemoteAddressAsText()).toString('latin1'));
}

/** What a stream is once nobody listens. */
const deadStream: HttpStream = {
  write() {},
  bufferedBytes: () => 0,
  peerPort: undefined,
  handedBytes: () => 0,
  onDrain() {},
  end() {},
  destroy() {},
};
