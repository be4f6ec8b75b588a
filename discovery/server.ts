// Serves a function `(Request) => Promise<Response>` with node:http, within bounds.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { countedIncoming } from '../src/http/counted-incoming.js';
import { ignoreExpectations } from '../src/http/expectations.js';
import { type HandshakeBound, NO_BOUND } from '../src/http/handshakes.js';
import { framingProblem, headerListFrom } from '../src/http/header-list.js';
import { serverUrl } from '../src/http/host-in-url.js';
import { lazyRequest } from '../src/http/lazy-body.js';
import { OneAnswer } from '../src/http/one-answer.js';
import { problemAnswer } from '../src/http/problem.js';
import { rawAnswer } from '../src/http/raw-answer.js';
import { answerEarly, closeGently, SHORT_FROM } from '../src/http/request-rest.js';
import { requestUrl } from '../src/http/request-url.js';
import { readWhole } from '../src/http/whole-body.js';
import { calm } from '../src/lib/calm.js';
import { FanfareError } from '../src/lib/errors.js';
import { type Logger, silentLogger } from '../src/lib/logger.js';
import { after, contained } from '../src/lib/timers.js';
import type { TlsPair } from '../src/lib/tls-pair.js';
import type { Code } from '../src/protocol/index.js';
import type { RequestContext } from './handler.js';
import { DISCOVERY_DEFAULTS } from './options.js';
import { wholeBody } from './request-body.js';
import { SilentSockets } from './silent-sockets.js';

export interface DiscoveryServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Speaks TLS alone with it; absent: plain HTTP. */
  readonly tls?: TlsPair | undefined;
  /** When headers or a whole request have not arrived: 408; default 10,000 ms each. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept; default 65,000 ms, longer than most load balancers keep theirs. */
  readonly keepAliveMs: number;
  /** Over it 431; default 16 KiB. */
  readonly maxHeaderBytes: number;
  /** The largest body that a handler may read; default 16 KiB. */
  readonly maxBodyBytes: number;
  /** Connections beyond it are refused at once; default 10,000. */
  readonly maxConnections: number;
  /** What one address may have of sockets that have not been answered yet; default: any number. */
  readonly handshakes: HandshakeBound;
  /** How long `close` waits for requests that are being answered; default 2,000 ms. */
  readonly closeTimeoutMs: number;
  readonly logger: Logger;
}

export interface DiscoveryServer {
  /** Resolves when it serves; rejects when the address cannot be had. */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Connections that come from now on are shown this certificate. Throws where it cannot be used. Nothing without TLS. */
  renewTls(tls: TlsPair): void;
  /** Stops accepting, lets what is being answered finish, and closes. Idempotent. */
  close(): Promise<void>;
}

const DEFAULTS = {
  requestTimeoutMs: 10_000,
  keepAliveMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  maxBodyBytes: DISCOVERY_DEFAULTS.maxBodyBytes,
  maxConnections: 10_000,
  handshakes: NO_BOUND,
  closeTimeoutMs: 2_000,
  logger: silentLogger,
} as const;

export type RequestHandler = (request: Request, context: RequestContext) => Promise<Response>;

/** Makes a server of `handler`; nothing runs before `start`. */
export function createDiscoveryServer(
  handler: RequestHandler,
  given: Partial<DiscoveryServerOptions> & Pick<DiscoveryServerOptions, 'host' | 'port'>,
): DiscoveryServer {
  return new FetchServer(handler, { ...DEFAULTS, ...given });
}

class FetchServer implements DiscoveryServer {
  readonly #handler: RequestHandler;
  readonly #options: DiscoveryServerOptions;
  readonly #server: Server | TlsServer;
  readonly #answers = new OneAnswer();
  readonly #silent: SilentSockets;
  #open = 0;
  #closing: Promise<void> | undefined;

  constructor(handler: RequestHandler, options: DiscoveryServerOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#silent = new SilentSockets(options.handshakes);
    const settings = {
      IncomingMessage: countedIncoming(this.#answers, isTunnel) as typeof IncomingMessage,
      headersTimeout: options.requestTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveMs,
      maxHeaderSize: options.maxHeaderBytes,
      connectionsCheckingInterval: Math.min(1_000, options.requestTimeoutMs),
    };
    const { tls, requestTimeoutMs: handshakeTimeout } = options;
    this.#server =
      tls === undefined
        ? createServer(settings)
        : createTlsServer({ ...settings, cert: tls.cert, key: tls.key, handshakeTimeout });
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (this.#isShort || this.#silent.isCrowded(socket)) response.shouldKeepAlive = false;
      response.once('close', () => this.#silent.answered(socket));
      const serve = () => {
        served.set(socket, request);
        return this.#serve(request, response).catch((error) => this.#giveUp(error, socket));
      };
      this.#answers.enter(socket, response, serve);
    });
    ignoreExpectations(this.#server);
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('connection', (socket) => {
      if (!this.#silent.came(socket)) return void socket.destroy();
      this.#open++;
      socket.once('close', () => this.#open--);
    });
    this.#server.on('upgrade', (_request, socket) => {
      socket.on('error', () => socket.destroy());
      this.#answers.endWith(socket as Socket);
    });
    // Whoever does not speak TLS could not read an answer.
    this.#server.prependListener('tlsClientError', (_error, socket: Socket) => socket.destroy());
    this.#server.on('clientError', (error, socket) => {
      try {
        if (this.#isBehind(error, socket as Socket)) this.#answers.endWith(socket as Socket);
        else refuse(error, socket as Socket);
      } catch (fault) {
        this.#giveUp(fault, socket);
      }
    });
  }

  /** Whether what is wrong stands behind a whole request whose answer is under way, and keeps that. */
  #isBehind({ code }: NodeJS.ErrnoException, socket: Socket): boolean {
    return code !== 'ECONNRESET' && this.#answers.isUnderWay(socket) && served.get(socket)?.complete === true;
  }

  /** Whether connections run short: none is kept then that is not in use. */
  get #isShort(): boolean {
    return this.#open > this.#options.maxConnections * SHORT_FROM;
  }

  start(): Promise<{ readonly url: string; readonly port: number }> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => calm(this.#options.logger).error({ error }, 'no connection is accepted'));
        const address = this.#server.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve({ url: serverUrl(this.#options, bound), port: bound });
      });
    });
  }

  renewTls({ cert, key }: TlsPair): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ cert, key });
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const late = after(this.#options.closeTimeoutMs, () => this.#server.closeAllConnections());
      this.#server.close(() => {
        clearTimeout(late);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
    return this.#closing;
  }

  /** What cannot be answered is closed: a throw in one of the server's listeners would end the process. */
  #giveUp(error: unknown, socket: Duplex): void {
    contained(() => calm(this.#options.logger).error({ error }, 'a request could not be answered'));
    socket.destroy();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on('error', () => {
      // The peer is gone; there is nobody to tell.
    });
    try {
      const request = requestOf(incoming, this.#options.maxBodyBytes);
      const remoteAddress = incoming.socket.remoteAddress ?? '';
      await send(await this.#handler(request, { remoteAddress }), incoming, outgoing);
    } catch (error) {
      if (!(error instanceof FanfareError)) calm(this.#options.logger).error({ error }, 'a request failed');
      if (outgoing.headersSent) return void outgoing.destroy();
      const { status, headers, body } = problemAnswer(error);
      answer(incoming, outgoing, status, { ...headers, connection: 'close' }, body);
    }
  }
}

/** Every other offer of a protocol is ignored. */
const isTunnel = ({ method }: IncomingMessage) => method === 'CONNECT';
const ONLY_1 = 'only HTTP/1.1 and 1.0 are spoken here';

/** Throws a `FanfareError` for what no `Request` can be. */
function requestOf(incoming: IncomingMessage, maxBodyBytes: number): Request {
  const { method = 'GET', url = '/', rawHeaders } = incoming;
  if (incoming.httpVersionMajor !== 1) throw new FanfareError('bad_request', ONLY_1);
  const problem = framingProblem(headerListFrom(rawHeaders));
  if (problem !== undefined) throw problem;
  if (method === 'TRACE' || method === 'CONNECT') {
    throw new FanfareError('method_not_allowed', `${method} is not taken`);
  }
  try {
    const headers = new Headers();
    for (let at = 0; at + 1 < rawHeaders.length; at += 2)
      headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
    const hasBody = method !== 'GET' && method !== 'HEAD' && mayHaveBody(incoming);
    // Nothing depends on the peer's Host header, so it is not believed.
    const target = requestUrl(url);
    return lazyRequest(target, { method, headers }, hasBody ? () => bodyOf(incoming, maxBodyBytes) : undefined);
  } catch (cause) {
    if (cause instanceof FanfareError) throw cause;
    throw new FanfareError('bad_request', 'the request line or a header is not well-formed', { cause });
  }
}

/** Rejects past `maxBytes`, and where its peer goes before. */
function bodyOf(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return wholeBody(maxBytes, (done, failed) => {
    if (incoming.destroyed) return failed(new Error('the peer has gone'));
    incoming.once('error', failed);
    readWhole(incoming, maxBytes, done);
  });
}

function mayHaveBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  answer(incoming, outgoing, response.status, Object.fromEntries(response.headers), body);
}

/** What is being answered on each, or was last. */
const served = new WeakMap<Socket, IncomingMessage>();
/** Nothing more may be written to them. */
const answeredEarly = new WeakSet<Socket>();

function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): void {
  if (outgoing.destroyed) return;
  const length = body.length > 0 ? { 'content-length': Buffer.byteLength(body) } : {};
  const early = !incoming.complete;
  outgoing.writeHead(status, { ...headers, ...length, ...(early && { connection: 'close' }) });
  if (!early) return void outgoing.end(body);
  answeredEarly.add(incoming.socket);
  answerEarly(incoming, outgoing, body);
}

const CLIENT_ERRORS: Readonly<Record<string, Code>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Answers what is no HTTP request, and closes. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || answeredEarly.has(socket)) return void socket.destroy();
  // What a refused peer goes on sending is told of once more each time, and is read away already.
  if (socket.writableEnded) return;
  if (!socket.writable) return void socket.destroy();
  const code = CLIENT_ERRORS[error.code ?? ''] ?? 'bad_request';
  socket.write(rawAnswer(problemAnswer(new FanfareError(code, 'this is no request that can be answered'))));
  closeGently(socket);
}
