// A network whose other end is the test: it sees each request and each socket, and answers when it likes.

import type { Fetch, RequestLike, WebSocketConstructor, WebSocketLike } from '../../../../client-sdk/types.js';
import type { Feature, Json, ServerEvent } from '../../../../src/protocol/index.js';
import { Queue } from './queue.js';

/** One request, seen from the server. */
export class FakeRequest {
  readonly url: string;
  readonly path: string;
  readonly body: Record<string, Json>;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly response: Promise<Response>;
  #resolve: (response: Response) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(url: string, init: RequestLike) {
    this.url = url;
    this.path = new URL(url).pathname;
    this.body = JSON.parse(init.body ?? '{}');
    this.token = init.headers.Authorization?.replace('Bearer ', '');
    this.signal = init.signal;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.signal?.addEventListener('abort', () => {
      const error = new DOMException('aborted', 'AbortError');
      this.#reject(error);
      this.#stream?.error(error);
      this.#stream = undefined;
    });
  }

  get aborted(): boolean {
    return this.signal?.aborted === true;
  }

  answer(status: number, body?: unknown, headers: Record<string, string> = {}): void {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    this.#resolve(new Response(text, { status, headers }));
  }

  /** An RFC 9457 problem. */
  refuse(status: number, code: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): void {
    this.answer(
      status,
      { type: `urn:fanfare:problem:${code}`, status, code, title: code, detail: code, ...more },
      headers,
    );
  }

  /** The network fails. */
  fail(): void {
    this.#reject(new TypeError('fetch failed'));
  }

  /** Answers with a stream that goes on. */
  stream(): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller;
      },
    });
    this.#resolve(new Response(body, { status: 200 }));
  }

  /** Writes one event to the stream. */
  event(event: ServerEvent): void {
    this.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  write(text: string): void {
    this.#stream?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** The answer breaks off. */
  cut(): void {
    this.#stream?.error(new TypeError('terminated'));
    this.#stream = undefined;
  }
}

type Command = { readonly type: string; readonly id: number } & Record<string, Json>;

/** One WebSocket, seen from the server. */
export class FakeSocket {
  readonly url: string;
  readonly commands = new Queue<Command>('command');
  closedByClient = false;
  /** Neither end has closed it. */
  isOpen = true;
  readonly #client: WebSocketLike;

  constructor(url: string, client: WebSocketLike) {
    this.url = url;
    this.#client = client;
  }

  open(): void {
    this.#client.onopen?.({} as never);
  }

  /** The next command, which is to be of this type. */
  async next(type: string): Promise<Command> {
    const command = await this.commands.next();
    if (command.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(command)}`);
    return command;
  }

  send(event: ServerEvent | { readonly type: string }): void {
    this.sendText(JSON.stringify(event));
  }

  sendText(data: string): void {
    this.#client.onmessage?.({ data } as never);
  }

  /** It cannot be opened; whether a close follows is the browser's business. */
  fail(): void {
    this.#client.onerror?.({ type: 'error' } as never);
  }

  close(code = 1006, reason = ''): void {
    this.isOpen = false;
    this.#client.onclose?.({ code, reason } as never);
  }

  /** Opens, takes `connect` and answers it; returns the `connect`. */
  async accept(heartbeatMs = 25_000, features?: readonly Feature[]): Promise<Command> {
    this.open();
    const connect = await this.next('connect');
    const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };
    this.send({
      ...{ type: 'connected', id: connect.id, connection: 'c-s.1', node: 'n1', user: 'u1', heartbeatMs, limits },
      ...(features !== undefined && { features }),
    });
    return connect;
  }
}

export class FakeNetwork {
  readonly sockets = new Queue<FakeSocket>('socket');
  readonly WebSocket: WebSocketConstructor;
  /** Requests by path. */
  readonly #requests = new Map<string, Queue<FakeRequest>>();
  /** What answers `POST /v1/connect` without being asked for; `undefined` leaves it to the test. */
  discovery: ((request: FakeRequest) => void) | undefined;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class implements WebSocketLike {
      onopen = null;
      onmessage = null;
      onclose = null;
      onerror = null;
      readonly #server: FakeSocket;

      constructor(url: string) {
        this.#server = new FakeSocket(url, this);
        sockets.push(this.#server);
      }
      send(data: string) {
        this.#server.commands.push(JSON.parse(data));
      }
      close() {
        this.#server.closedByClient = true;
        this.#server.isOpen = false;
      }
    };
  }

  readonly fetch: Fetch = (url, init) => {
    const request = new FakeRequest(url, init);
    if (request.path === '/v1/connect' && this.discovery) this.discovery(request);
    else this.#queue(request.path).push(request);
    return request.response;
  };

  /** The next request to `path`. */
  request(path: string): Promise<FakeRequest> {
    return this.#queue(path).next();
  }

  /** Requests to `path` that nobody asked for. */
  waiting(path: string): readonly FakeRequest[] {
    return this.#queue(path).waiting;
  }

  #queue(path: string): Queue<FakeRequest> {
    const queue = this.#requests.get(path) ?? new Queue<FakeRequest>(`request to ${path}`);
    this.#requests.set(path, queue);
    return queue;
  }
}
