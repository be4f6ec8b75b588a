// One HTTP request on node:http and its answer.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EngineHandlers, HttpExchange, HttpStream } from '../engine.js';
import { guarded } from '../guard.js';
import { checkHeaders, type HeaderList } from '../header-list.js';
import { errorAnswer, plainAddress } from '../refusal.js';
import { WsStream } from './stream.js';

/** An answer that may not fit the kernel's buffers is dropped when nothing of it leaves for so long. */
const STALLED_MS = 10_000;
const LARGE_BYTES = 64 * 1024;
/** How long a peer that sends more than is taken has to read the answer. */
const LINGER_MS = 5_000;

type Done = (body: Buffer | undefined) => void;

export class WsExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #headers: HeaderList;
  readonly #handlers: EngineHandlers;
  #answered = false;
  #complete = false;
  #aborted = false;
  #over = false;
  #reading = false;
  #linger: NodeJS.Timeout | undefined;
  #abortListener: (() => void) | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, headers: HeaderList, handlers: EngineHandlers) {
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    this.method = req.method ?? 'GET';
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.query = mark === -1 ? '' : url.slice(mark + 1);
    this.remoteAddress = plainAddress(req.socket.remoteAddress ?? '');
    this.#req = req;
    this.#res = res;
    this.#headers = headers;
    this.#handlers = handlers;
    res.on('close', () => this.#closed());
    // A peer that goes away in the middle of its body also closes.
    req.on('error', () => {});
    res.on('error', () => {});
  }

  get aborted(): boolean {
    return this.#aborted;
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
    const hand: Done = (body) => guarded(() => done(body), this.fail);
    const tooLong = (): void => {
      this.#over = true;
      this.#req.pause();
      hand(undefined);
    };
    if (Number(this.header('content-length') ?? 0) > maxBytes) {
      tooLong();
      return;
    }
    const chunks: Buffer[] = [];
    let received = 0;
    this.#req.on('data', (chunk: Buffer) => {
      if (this.#over) return;
      received += chunk.length;
      if (received > maxBytes) tooLong();
      else chunks.push(chunk);
    });
    this.#req.on('end', () => {
      if (!this.#over && !this.#aborted) hand(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
  }

  onAbort(listener: () => void): void {
    this.#abortListener = listener;
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer = ''): void {
    checkHeaders(headers);
    if (!this.#begin()) return;
    const res = this.#res;
    const bodyless = status === 204 || status === 304;
    const length = bodyless ? undefined : { 'Content-Length': String(Buffer.byteLength(body)) };
    if (!this.#over) {
      res.writeHead(status, { ...headers, ...length });
      this.#complete = true;
      if (body.length > LARGE_BYTES) res.setTimeout(STALLED_MS, () => res.destroy());
      res.end(bodyless || this.method === 'HEAD' ? undefined : body);
      return;
    }
    // Closing while the peer still sends would reset the connection, and the peer might never see the answer.
    res.writeHead(status, { ...headers, ...length, Connection: 'close' });
    this.#complete = true;
    res.write(body);
    this.#linger = setTimeout(() => res.destroy(), LINGER_MS);
    setImmediate(() => {
      if (this.#req.complete) res.end();
    });
  }

  stream(status: number, headers: Readonly<Record<string, string>>): HttpStream {
    checkHeaders(headers);
    const stream = new WsStream(this.#res, this.fail);
    if (!this.#begin()) return stream;
    this.#res.writeHead(status, headers);
    if (this.method === 'HEAD') this.#res.end();
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

  /** Claims the answer; false when the peer has gone. */
  #begin(): boolean {
    if (this.#answered) throw new TypeError('the request has been answered already');
    this.#answered = true;
    return !this.#aborted;
  }

  #closed(): void {
    clearTimeout(this.#linger);
    if (this.#res.writableFinished || this.#complete) return;
    this.#aborted = true;
    const listener = this.#abortListener;
    if (listener !== undefined) guarded(listener, this.fail);
  }
}
