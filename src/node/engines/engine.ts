// The seam between a node and what serves HTTP and WebSocket.

import type { HandshakeBound } from '../../http/handshakes.js';
import type { TlsPair, TlsProblem } from '../../lib/tls-pair.js';

/** One HTTP request and its answer. Everything is copied from the request before it is handed over. */
export interface HttpExchange {
  /** Upper case. */
  readonly method: string;
  /** Raw path, undecoded, without the query. */
  readonly path: string;
  /** Raw query without `?`; empty when there is none. */
  readonly query: string;
  /** The socket's address. Ask before the answer: later it may be empty. */
  readonly remoteAddress: string;
  /** True once the peer has gone; answers are then dropped silently. */
  readonly aborted: boolean;
  /** A header by lower-case name. */
  header(name: string): string | undefined;
  /** All headers, lower-case names; a value has a letter for each byte, as a `Request` takes it. */
  headers(): Iterable<readonly [string, string]>;
  /**
   * Reads the whole body and calls back once, in a later or the same tick; not at all when the peer goes away.
   * Over `maxBytes` it stops reading and hands over `undefined`: answer 413. The buffer belongs to the caller. `holds` promises
   * an answer within seconds: until then nothing is read from the connection, so that what is done is also answered.
   */
  readBody(maxBytes: number, done: (body: Buffer | undefined) => void, holds?: boolean): void;
  /** Called once if the peer goes away before the answer is complete, streams included. */
  onAbort(listener: () => void): void;
  /**
   * Whoever asks has been let in and may wait for the answer: the socket is no handshake any more. Of the headers there may be
   * none but `origin` from here on.
   */
  admit(): void;
  /**
   * Answers in one piece. A second answer throws. `Content-Length` and `Date` are the engine's. Where the request has not
   * come whole, the answer says `Connection: close`, what is left of the request is read away up to `REST_BYTES`, and the
   * connection is closed after `REST_MS` at the latest. Where sockets run short, every answer closes its connection.
   */
  respond(status: number, headers: Readonly<Record<string, string>>, body?: string | Buffer): void;
  /**
   * Begins an answer of unknown length. Its head may wait for the first `write`: write something at once. It ends behind
   * its request: what is left of that is read away within the same bounds, past them the stream is cut. An engine that leaves
   * what it wrote last unfinished on the wire until more is written sends `filler` behind it, which means nothing to readers.
   */
  stream(status: number, headers: Readonly<Record<string, string>>, filler?: string): HttpStream;
}

/** An answer that goes on. Writing after its end or the peer's is a silent no-op. */
export interface HttpStream {
  write(chunk: string | Buffer): void;
  /** Bytes accepted and not yet handed to the kernel. */
  bufferedBytes(): number;
  /** The peer's port, where the engine knows it. */
  readonly peerPort: number | undefined;
  /** Where it does not: bytes that the engine has been handed for the kernel since the head, as they go over the wire. */
  handedBytes(): number;
  /** Called each time that the buffer has emptied after it held more than 64 KiB. One listener. */
  onDrain(listener: () => void): void;
  end(chunk?: string | Buffer): void;
  /** Ends it at once, unsent bytes are lost. */
  destroy(): void;
}

/** What a WebSocket upgrade is decided by. */
export interface UpgradeRequest {
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  header(name: string): string | undefined;
}

/** `accept` with the subprotocol to name, or an HTTP answer. */
export type UpgradeDecision =
  | { readonly accept: true; readonly protocol: string | undefined; readonly handler: SocketHandler }
  | {
      readonly accept: false;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    };

/** A node's side of one WebSocket. Handlers may throw: the engine closes that socket with 4006 and lives on. */
export interface SocketHandler {
  /** The socket is open; nothing was received yet. */
  open(socket: EngineSocket): void;
  /** One complete text frame, valid UTF-8. */
  text(text: string): void;
  /** One complete binary frame arrived; its content is dropped. */
  binary(): void;
  /** A frame over `maxFrameBytes` arrived, with its size; its content is dropped. Frames over the engine's hard cap (4 × that) drop the link. */
  tooLarge(bytes: number): void;
  /** A pong arrived. */
  pong(): void;
  /** Everything that was buffered, if it was more than 64 KiB, has been handed to the kernel. */
  drain(): void;
  /**
   * The socket is gone, for whatever reason; called exactly once and last, within `EngineSocket.close` when that is the
   * reason. The code that this side closed with, else the peer's, else 1006; 4002 when it was cut.
   */
  close(code: number): void;
}

/** One open WebSocket. Methods on a closed one are silent no-ops. */
export interface EngineSocket {
  /**
   * Sends one text frame, copied at once, after all that was published to its topics before. Over `maxBufferedBytes` the socket
   * is cut.
   */
  send(frame: string | Buffer): void;
  /**
   * As {@link send}, for what comes for many sockets at once: it leaves before whatever else is sent to this one, and with what the others are sent,
   * bytes by the end of the callback under way, as messages, a text by the end of the turn, as the answers of a storm. There where that costs less.
   */
  deliver?(frame: string | Buffer): void;
  /** Runs `write`, whatever the socket's state, so that what it sends leaves in as few system calls as possible. */
  cork(write: () => void): void;
  ping(): void;
  /** Its client has been let in: until then it counts as a handshake of its address. */
  admit(): void;
  /** Sends a close frame and closes. */
  close(code: number, reason: string): void;
  /** Ends it as one that reads too slowly: what is buffered is lost. */
  cut(): void;
  /** What is published to `topic` from now on reaches this socket. Idempotent. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  bufferedBytes(): number;
}

export interface EngineOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** A text frame over it is reported by `tooLarge`; default 64 KiB. */
  readonly maxFrameBytes: number;
  /** Unsent bytes of one WebSocket at which it is cut; it loses the tail, never a middle. */
  readonly maxBufferedBytes: number;
  /** Descriptors of sockets (HTTP and WebSocket) beyond it are refused at once; one counts until it is given back. */
  readonly maxSockets: number;
  /** How many sockets of one address may neither have been answered nor let in. */
  readonly handshakes: HandshakeBound;
  /** Headers of one request, in bytes; over it 431. */
  readonly maxHeaderBytes: number;
  /** Longest URL; over it 414. */
  readonly maxUrlBytes: number;
  /** Speaks TLS alone with it; absent: plain HTTP. */
  readonly tls?: TlsPair | undefined;
}

export interface EngineHandlers {
  /** Every HTTP request that is not a WebSocket upgrade. May throw or reject: the engine answers 500 and lives on. */
  request(exchange: HttpExchange): void | Promise<void>;
  /** Decides synchronously. */
  upgrade(request: UpgradeRequest): UpgradeDecision;
  /** A WebSocket was cut because it read too slowly; before its handler's `close`. */
  slowConsumer?(): void;
  /** Something threw, and the peer was told `internal` with this id, or 4006. For the log; must not throw itself. */
  failed?(error: unknown, requestId: string): void;
  /** Headers to add to the engine's own error answers to a request with this `Origin` (CORS); must not throw. */
  errorHeaders?(origin: string | undefined): Readonly<Record<string, string>>;
}

/** Serves HTTP and WebSocket. Concrete ones: `createUwsEngine`, `createWsEngine`. */
export interface Engine {
  readonly name: 'uws' | 'ws';
  /** Resolves with the port; rejects when the address cannot be had. */
  listen(options: EngineOptions, handlers: EngineHandlers): Promise<{ readonly port: number }>;
  /**
   * Sends one text frame to every socket that is subscribed to `topic`; sockets get one topic's frames in order. The frame is
   * copied before this returns: its memory may be used again.
   */
  publish(topic: string, frame: Buffer): void;
  /** Why it cannot serve with a pair with which Node could; absent where it always can. */
  tlsProblem?(tls: TlsPair): TlsProblem | undefined;
  /**
   * Connections that come from now on are shown this certificate, by whatever name they ask for; open ones stay. Throws where it
   * cannot be used: the one before is served then. Nothing where the engine does not speak TLS.
   */
  renewTls(tls: TlsPair): void;
  /** Stops accepting; open links stay. */
  stopListening(): void;
  /** Closes everything that is left and resolves when nothing is. Idempotent. */
  close(): Promise<void>;
}
