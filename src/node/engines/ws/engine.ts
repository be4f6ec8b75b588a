// The engine that runs everywhere: node:http and ws.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { plainAddress } from '../../../http/address.js';
import { Handshakes } from '../../../http/handshakes.js';
import { type HeaderList, headerListFrom } from '../../../http/header-list.js';
import { OneAnswer } from '../../../http/one-answer.js';
import { SHORT_FROM, SHORT_REST_MS } from '../../../http/request-rest.js';
import { FanfareError } from '../../../lib/errors.js';
import { soon } from '../../../lib/timers.js';
import type { TlsPair } from '../../../lib/tls-pair.js';
import { LIMITS } from '../../../protocol/index.js';
import type { Engine, EngineHandlers, EngineOptions, UpgradeRequest } from '../engine.js';
import { guarded } from '../guard.js';
import { asksForWebSocket, decideUpgrade, errorAnswer, handshakeProblem, headProblem } from '../refusal.js';
import { moreAcceptors } from './acceptors.js';
import { Carriers } from './carriers.js';
import { type ConnectionParts, WsConnection } from './connection.js';
import { WsExchange } from './exchange.js';
import { httpServer } from './http-server.js';
import { answerAndClose, clientProblem } from './raw-answer.js';
import { WsSocket, WsSockets } from './socket.js';
import { Topics } from './topics.js';

/** How long a peer has to answer a close frame. */
const CLOSE_TIMEOUT_MS = 10_000;
/** Frames over this many times the limit drop the link before they are stored. */
const HARD_CAP_FACTOR = 4;
/** Chosen: of one message; each keeps what was read with it. */
const MAX_FRAGMENTS = 256;
/** Chosen: reads that a frame may come in; a network of the smallest segments needs five hundred for the largest. */
const MAX_PIECES = 1_024;
const BACKLOG = 4_096;

/** It accepts up to `acceptors` connections in a turn of the event loop; more than one cost a process at the start, for a moment. */
export function createWsEngine(acceptors = 1): Engine {
  return new WsEngine(acceptors);
}

class WsEngine implements Engine {
  readonly name = 'ws';
  readonly #raws = new Set<Socket>();
  readonly #answers = new OneAnswer();
  readonly #carriers = new Carriers();
  #handshakes: Handshakes | undefined;
  #maxSockets = 0;
  #server: Server | undefined;
  #acceptors: readonly { close(): unknown }[] = [];
  readonly #acceptorCount: number;
  #websockets: WebSocketServer | undefined;
  #topics: Topics | undefined;
  #closing: Promise<void> | undefined;

  constructor(acceptors: number) {
    this.#acceptorCount = acceptors;
  }

  async listen(options: EngineOptions, handlers: EngineHandlers): Promise<{ readonly port: number }> {
    if (this.#server !== undefined) throw new TypeError('an engine listens once');
    const topics = new Topics();
    const sockets = new WsSockets(handlers, options, topics, () => this.#isShort);
    this.#topics = topics;
    this.#maxSockets = options.maxSockets;
    const handshakes = new Handshakes(options.handshakes);
    this.#handshakes = handshakes;
    this.#websockets = webSocketServer(options, handlers);
    const server = httpServer(options, this.#answers);
    this.#server = server;
    const parts = { handshakes, restMs: () => this.#restMs };
    server.on('connection', (raw) => orClosed(raw, sockets, () => this.#connected(raw, parts)));
    if (server instanceof TlsServer) this.#secure(server);
    server.on('request', (req, res) => {
      const serve = (): void => orClosed(req.socket, sockets, () => this.#request(req, res, sockets, parts));
      this.#answers.enter(req.socket, res, serve);
    });
    server.on('upgrade', (req, raw, head) => {
      orClosed(raw, sockets, () => this.#upgrade(req, raw as Socket, head, sockets));
    });
    server.on('clientError', (error, raw) => {
      orClosed(raw, sockets, () => this.#clientError(error, raw as Socket, handlers));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, resolve);
    });
    this.#acceptors = await moreAcceptors(server, this.#acceptorCount - 1, BACKLOG, (raw) => {
      server.emit('connection', raw);
    });
    if (this.#closing !== undefined) for (const acceptor of this.#acceptors) acceptor.close();
    const address = server.address();
    return { port: typeof address === 'object' && address !== null ? address.port : options.port };
  }

  renewTls({ cert, key }: TlsPair): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ cert, key });
  }

  publish(topic: string, frame: Buffer): void {
    this.#topics?.publish(topic, frame);
  }

  stopListening(): void {
    if (this.#server?.listening) this.#server.close();
    for (const acceptor of this.#acceptors) acceptor.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopListening();
    this.#topics?.close();
    const closed = [...this.#raws].map((raw) => new Promise((resolve) => raw.once('close', resolve)));
    for (const raw of this.#raws) raw.destroy();
    await Promise.all(closed);
    // ws tells of a socket's end once its parser has ended too.
    await new Promise<void>((resolve) => soon(resolve));
    this.#websockets?.close();
  }

  /** Whether sockets run short: none is kept then that is not in use. */
  get #isShort(): boolean {
    return this.#raws.size > this.#maxSockets * SHORT_FROM;
  }

  #connected(raw: Socket, parts: ConnectionParts): void {
    // Each acceptor would count its own.
    if (this.#raws.size >= this.#maxSockets) return void raw.destroy();
    const begun = parts.handshakes.begin(raw.remoteAddress ?? '');
    if (begun === undefined) return void raw.destroy();
    const connection = new WsConnection(raw, begun, parts);
    this.#raws.add(raw);
    raw.on('close', () => {
      this.#raws.delete(raw);
      connection.settled();
    });
  }

  /** What is told of connections is of the TCP connection; what is told of requests, of TLS above it. */
  #secure(server: TlsServer): void {
    server.prependListener('connection', (raw) => this.#carriers.came(raw));
    server.prependListener('secureConnection', (socket) => {
      const raw = this.#carriers.secured(socket);
      if (raw !== undefined) WsConnection.of(raw)?.carriedBy(socket);
    });
  }

  /** Whoever is answered keeps its connection, unless sockets run short or its address has many that show nothing. */
  #keepsAlive(raw: Socket): boolean {
    if (this.#isShort) return false;
    return this.#handshakes?.hasCrowd !== true || !this.#handshakes.isCrowded(raw.remoteAddress ?? '');
  }

  #request(req: IncomingMessage, res: ServerResponse, sockets: WsSockets, parts: ConnectionParts): void {
    const { handlers, options } = sockets;
    const raw = req.socket;
    const headers = headerListFrom(req.rawHeaders);
    const connection = WsConnection.of(raw) ?? new WsConnection(raw, undefined, parts);
    const exchange = new WsExchange(req, res, headers, handlers, connection);
    connection.exchange = exchange;
    if (!this.#keepsAlive(raw)) res.shouldKeepAlive = false;
    const problem =
      requestProblem(req, headers, options) ??
      (asksForWebSocket(headers) ? handshakeProblem(exchange.method, headers) : undefined);
    if (problem !== undefined) exchange.refuse(problem);
    else guarded(() => handlers.request(exchange), exchange.fail);
  }

  #upgrade(req: IncomingMessage, raw: Socket, head: Buffer, sockets: WsSockets): void {
    const { handlers, options } = sockets;
    // node:http has taken its own listener away.
    raw.on('error', () => raw.destroy());
    if (this.#answers.isFull(raw)) return this.#answers.endWith(raw);
    // What stands before it has not been answered.
    if (this.#answers.isUnderWay(raw)) return void raw.destroy();
    const headers = headerListFrom(req.rawHeaders);
    const origin = headers.get('origin');
    const problem =
      requestProblem(req, headers, options) ??
      handshakeProblem(req.httpVersion === '1.0' ? 'HTTP/1.0' : (req.method ?? ''), headers);
    if (problem !== undefined) {
      answerAndClose(raw, errorAnswer(problem, origin, handlers), this.#restMs);
      return;
    }
    const decision = decideUpgrade(upgradeRequest(req, headers), handlers);
    if (!decision.accept) {
      answerAndClose(raw, decision, this.#restMs);
      return;
    }
    const connection = WsConnection.of(raw);
    connection?.renew();
    protocols.set(req, decision.protocol);
    // ws takes no list, which may name other protocols beside.
    req.headers.upgrade = 'websocket';
    this.#websockets?.handleUpgrade(req, raw, head, (ws) => {
      new WsSocket(ws, raw, decision.handler, sockets, () => connection?.settled());
    });
  }

  /** How long a peer that is refused may take to go; `undefined`: as ever. */
  get #restMs(): number | undefined {
    return this.#isShort || this.#handshakes?.hasCrowd === true ? SHORT_REST_MS : undefined;
  }

  #clientError(error: NodeJS.ErrnoException, raw: Socket, handlers: EngineHandlers): void {
    // Whoever does not speak TLS could not read an answer.
    if (this.#server instanceof TlsServer && !this.#carriers.isSecured(raw)) return void raw.destroy();
    const isSilent = raw.bytesRead === 0;
    const isUnderWay = this.#answers.isUnderWay(raw);
    if (isUnderWay && error.code === 'ERR_HTTP_REQUEST_TIMEOUT') WsConnection.of(raw)?.exchange?.timeOut();
    else if (isSilent || error.code === 'ECONNRESET') raw.destroy();
    // Its peer has gone before the request was whole.
    else if (isUnderWay && error.code === 'HPE_INVALID_EOF_STATE') raw.destroy();
    // What is no HTTP behind a request does not take its answer from it.
    else if (isUnderWay && WsConnection.of(raw)?.exchange?.breakOff(clientProblem(error)) !== true) {
      this.#answers.endWith(raw);
    } else if (isUnderWay) return;
    // What a refused peer goes on sending is told of once more each time, and is read away already.
    else if (!raw.writableEnded) {
      answerAndClose(raw, errorAnswer(clientProblem(error), undefined, handlers), this.#restMs);
    }
  }
}

/** What cannot be served is closed: a throw in one of these listeners would end the process. */
function orClosed(raw: Duplex, sockets: WsSockets, serve: () => void): void {
  guarded(serve, (error) => {
    sockets.failed(error);
    raw.destroy();
  });
}

/** The subprotocol to name, per accepted request: ws asks for it by callback. */
const protocols = new WeakMap<IncomingMessage, string | undefined>();

function webSocketServer(options: EngineOptions, handlers: EngineHandlers): WebSocketServer {
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes * HARD_CAP_FACTOR,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_PIECES,
    // They are counted here, and whoever sends too many is told so.
    maxPendingAutoPongs: 2 * LIMITS.controlFramesPerSecond,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (_offered: Set<string>, req: IncomingMessage) => protocols.get(req) ?? false,
  };
  const server = new WebSocketServer(settings);
  server.on('wsClientError', (_error, raw, req) => {
    const problem = new FanfareError('unsupported_protocol', 'Sec-WebSocket-Protocol is not a list of names');
    answerAndClose(raw as Socket, errorAnswer(problem, req.headers.origin, handlers));
  });
  return server;
}

function requestProblem(req: IncomingMessage, headers: HeaderList, options: EngineOptions): FanfareError | undefined {
  if (req.httpVersionMajor !== 1) return new FanfareError('bad_request', 'only HTTP/1.1 and 1.0 are spoken here');
  return headProblem((req.url ?? '').length, headers, options);
}

function upgradeRequest(req: IncomingMessage, headers: HeaderList): UpgradeRequest {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  return {
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    remoteAddress: plainAddress(req.socket.remoteAddress ?? ''),
    header: (name) => headers.get(name),
  };
}
