// One HTTP request on node:http and its answer.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { plainAddress } from '../../../http/address.js';
import { checkHeaders, type HeaderList } from '../../../http/header-list.js';
import { answerEarly, readAway } from '../../../http/request-rest.js';
import { readWhole } from '../../../http/whole-body.js';
import { FanfareError } from '../../../lib/errors.js';
import { soon } from '../../../lib/timers.js';
import type { EngineHandlers, HttpExchange, HttpStream } from '../engine.js';
import { guarded } from '../guard.js';
import { errorAnswer } from '../refusal.js';
import { WsStream } from './stream.js';

/** An answer that may not fit the kernel's buffers is dropped when nothing of it leaves for so long. */
const STALLED_MS = 10_000;
const LARGE_BYTES = 64 * 1024;

const NO_HEADERS: string[] = [];

type Done = (body: Buffer | undefined) => void;

/** What goes wrong with a peer ends in `close` too. */
const ignored = (): void => {};

/** The socket of an exchange, as its engine counts it. */
export interface CountedSocket {
  /** It is no handshake any more. Idempotent. */
  settled(): void;
  /** How long its peer may take over the rest of a request that has been answered; `undefined`: as ever. */
  restMs(): number | undefined;
}

export class WsExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #headers: HeaderList;
  readonly #handlers: EngineHandlers;
  /** Whether it says that it has a body. */
  readonly #hasBody: boolean;
  readonly #socket: CountedSocket;
  #answered = false;
  #complete = false;
  #aborted = false;
  #reading = false;
  /** Until it has been called. */
  #done: Done | undefined;
  #abortListener: (() => void) | undefined;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    headers: HeaderList,
    handlers: EngineHandlers,
    socket: CountedSocket,
  ) {
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    this.method = req.method ?? 'GET';
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.query = mark === -1 ? '' : url.slice(mark + 1);
    this.#hasBody = headers.get('transfer-encoding') !== undefined || Number(headers.get('content-length') ?? 0) > 0;
    this.#req = req;
    this.#res = res;
    this.#headers = headers;
    this.#handlers = handlers;
    this.#socket = socket;
    res.on('close', () => this.#closed());
    req.on('error', ignored);
    res.on('error', ignored);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get remoteAddress(): string {
    return plainAddress(this.#req.socket.remoteAddress ?? '');
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  headers(): Iterable<readonly [string, string]> {
    return this.#headers;
  }

  readBody(maxBytes: number, done: Done): void {
    if (this.#reading) throw new TypeError('the body is being read already');
    this.#reading = true;
    if (this.#aborted) return;
    this.#done = done;
    if (Number(this.header('content-length') ?? 0) > maxBytes) return this.#hand(undefined);
    readWhole(this.#req, maxBytes, (body) => this.#hand(body));
  }

  onAbort(listener: () => void): void {
    this.#abortListener = listener;
  }

  admit(): void {
    this.#socket.settled();
    // Whoever waits for its answer keeps nothing that reading its request took.
    this.#headers.keepOnly('origin');
    this.#req.rawHeaders = NO_HEADERS;
    this.#req.headers = {};
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer = ''): void {
    checkHeaders(headers);
    if (!this.#begin()) return;
    this.#complete = true;
    if (this.#cameWhole()) this.#send(status, headers, body);
    // The rest may stand in what is being read: then the connection can go on.
    else soon(() => this.#send(status, headers, body));
  }

  stream(status: number, headers: Readonly<Record<string, string>>): HttpStream {
    checkHeaders(headers);
    const coming = this.#cameWhole() ? undefined : this.#req;
    const stream = new WsStream(coming, this.#res, this.fail);
    if (!this.#begin()) return stream;
    // That of a large answer before it on this connection, which nothing that is written directly would put off.
    this.#res.socket?.setTimeout(0);
    this.#res.writeHead(status, headers);
    if (coming !== undefined) readAway(coming, this.#res, this.#socket.restMs());
    if (this.method === 'HEAD') stream.end();
    else this.#res.flushHeaders();
    return stream;
  }

  /** Answers that the request cannot be handled, and closes: what follows on the connection cannot be trusted. */
  refuse(error: unknown): void {
    const answer = errorAnswer(error, this.header('origin'), this.#handlers);
    this.respond(answer.status, { ...answer.headers, Connection: 'close' }, answer.body);
  }

  /** What the node threw: answered with 500 where an answer is still possible. */
  readonly fail = (error: unknown): void => {
    const answer = errorAnswer(error, this.header('origin'), this.#handlers);
    if (!this.#answered) this.respond(answer.status, answer.headers, answer.body);
    else if (!this.#complete) this.#res.destroy();
  };

  /** What is coming does not come in time. */
  timeOut(): void {
    // It stands behind this one.
    if (this.#cameWhole()) this.#res.destroy();
    else if (!this.#answered) this.refuse(new FanfareError('request_timeout', 'the request did not arrive in time'));
    // Else what is left of it has a time of its own.
  }

  /**
   * What comes of it is no HTTP; answers whether it is this one that is coming. Where nobody waits for its body alone, its answer
   * may be begun at any moment, and nothing is written before that.
   */
  breakOff(problem: FanfareError): boolean {
    if (this.#cameWhole()) return false;
    // Else its answer is on its way, and what is left of it has a time of its own.
    if (!this.#answered && this.#done !== undefined) this.refuse(problem);
    else if (!this.#answered) this.#res.destroy();
    return true;
  }

  /** Claims the answer; false when the peer has gone. */
  #begin(): boolean {
    if (this.#answered) throw new TypeError('the request has been answered already');
    this.#answered = true;
    return !this.#aborted;
  }

  /** node:http calls a request complete only after it has handed it over, also one without a body. */
  #cameWhole(): boolean {
    return !this.#hasBody || this.#req.complete;
  }

  /** Once; not where it has been answered meanwhile, or the peer has gone. */
  #hand(body: Buffer | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    if (done !== undefined && !this.#answered && !this.#aborted) guarded(() => done(body), this.fail);
  }

  #send(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    const { method } = this;
    const [req, res] = [this.#req, this.#res];
    if (res.destroyed) return;
    const bodyless = status === 204 || status === 304;
    const sent = bodyless || method === 'HEAD' ? '' : body;
    const early = this.#cameWhole() ? undefined : { Connection: 'close' };
    const length = bodyless ? undefined : { 'Content-Length': String(Buffer.byteLength(body)) };
    res.writeHead(status, { ...headers, ...length, ...early });
    if (early !== undefined) return answerEarly(req, res, sent, this.#socket.restMs());
    if (sent.length > LARGE_BYTES) res.setTimeout(STALLED_MS, () => res.destroy());
    res.end(sent);
  }

  #closed(): void {
    this.#socket.settled();
    if (this.#res.writableFinished || this.#complete) return;
    this.#aborted = true;
    const listener = this.#abortListener;
    if (listener !== undefined) guarded(listener, this.fail);
  }
}
