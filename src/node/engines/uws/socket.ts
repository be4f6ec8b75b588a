// WebSockets on uWebSockets.js: one small object per socket, one set of callbacks per engine.

import type { WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { CLOSE } from '../../../protocol/index.js';
import type { EngineHandlers, EngineOptions, EngineSocket, SocketHandler } from '../engine.js';
import { closeReason, saneCloseCode } from '../refusal.js';
import { UwsStreams } from './stream.js';

/** Frames over this many times the limit drop the link before they are stored. */
const HARD_CAP_FACTOR = 4;
/** A backstop: the node pings, and closes what does not answer, long before. */
const IDLE_TIMEOUT_S = 120;

/** What uWebSockets.js keeps with a socket. */
export interface Link {
  readonly link: UwsSocket;
}

/** What the links of one engine share. */
export class UwsSockets {
  readonly handlers: EngineHandlers;
  readonly options: EngineOptions;
  readonly streams = new UwsStreams();
  /** Called when a socket has gone. */
  readonly gone: () => void;
  #slow: UwsSocket[] = [];

  constructor(handlers: EngineHandlers, options: EngineOptions, gone: () => void) {
    this.handlers = handlers;
    this.options = options;
    this.gone = gone;
  }

  /**
   * Notes a socket that lost a frame. It is cut before anything else is sent, so that it never gets a later one, but
   * not here: this is called while uWebSockets.js walks its list of subscribers.
   */
  addSlow(socket: UwsSocket): void {
    this.#slow.push(socket);
    if (this.#slow.length === 1) setImmediate(() => this.cutSlow());
  }

  cutSlow(): void {
    if (this.#slow.length === 0) return;
    const slow = this.#slow;
    this.#slow = [];
    for (const socket of slow) socket.cut();
  }

  failed(error: unknown): void {
    this.handlers.failed?.(error, randomUUID());
  }
}

export class UwsSocket implements EngineSocket {
  readonly handler: SocketHandler;
  readonly #sockets: UwsSockets;
  /** Undefined before `open` and after `close`; uWebSockets.js throws when it is touched then. */
  #ws: WebSocket<Link> | undefined;
  #slow = false;

  constructor(handler: SocketHandler, sockets: UwsSockets) {
    this.handler = handler;
    this.#sockets = sockets;
  }

  send(frame: string | Buffer): void {
    // The outcome is not looked at: sent and buffered are fine, a dropped frame comes to `dropped`.
    if (!this.#slow) this.#ws?.send(frame, false, false);
  }

  cork(write: () => void): void {
    this.#ws?.cork(write);
  }

  ping(): void {
    if (!this.#slow) this.#ws?.ping();
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, closeReason(reason));
  }

  subscribe(topic: string): void {
    this.#ws?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#ws?.unsubscribe(topic);
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  opened(ws: WebSocket<Link>): void {
    this.#ws = ws;
    try {
      this.handler.open(this);
    } catch (error) {
      this.fail(error);
    }
  }

  dropped(): void {
    if (this.#slow) return;
    this.#slow = true;
    this.#sockets.addSlow(this);
  }

  /** Ends a slow socket. A close frame would stand behind what the peer does not read, so none is sent. */
  cut(): void {
    this.#ws?.close();
  }

  closed(code: number): void {
    this.#ws = undefined;
    this.#sockets.gone();
    // A slow socket is cut within `publish`: the node must not be called there.
    if (this.#slow) setImmediate(() => this.#tellClosed(CLOSE.slowConsumer));
    else this.#tellClosed(saneCloseCode(code));
  }

  received(message: ArrayBuffer, binary: boolean): void {
    try {
      if (binary) this.handler.binary();
      else if (message.byteLength > this.#sockets.options.maxFrameBytes) this.handler.tooLarge(message.byteLength);
      else this.handler.text(Buffer.from(message).toString());
    } catch (error) {
      this.fail(error);
    }
  }

  ponged(): void {
    try {
      this.handler.pong();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Measured: of what is sent within this callback, a rest that does not pass at once is never sent, because
   * uWebSockets.js then stops waiting for the socket. So the node hears of it later.
   */
  drained(): void {
    if (this.bufferedBytes() === 0) setImmediate(() => this.#tellDrained());
  }

  #tellDrained(): void {
    if (this.#ws === undefined) return;
    try {
      this.handler.drain();
    } catch (error) {
      this.fail(error);
    }
  }

  #tellClosed(code: number): void {
    try {
      if (this.#slow) this.#sockets.handlers.slowConsumer?.();
      this.handler.close(code);
    } catch (error) {
      this.#sockets.failed(error);
    }
  }

  fail(error: unknown): void {
    this.#sockets.failed(error);
    this.close(CLOSE.internal, 'internal');
  }
}

/** The callbacks of every socket of an engine, `upgrade` apart. */
export function socketBehavior(options: EngineOptions): WebSocketBehavior<Link> {
  return {
    compression: 0,
    maxPayloadLength: options.maxFrameBytes * HARD_CAP_FACTOR,
    maxBackpressure: options.maxBufferedBytes,
    // Without it, uWebSockets.js drops a frame and goes on with later ones: a hole that nobody is told of.
    closeOnBackpressureLimit: 1,
    idleTimeout: IDLE_TIMEOUT_S,
    sendPingsAutomatically: false,
    open: (ws) => ws.getUserData().link.opened(ws),
    message: (ws, message, binary) => ws.getUserData().link.received(message, binary),
    pong: (ws) => ws.getUserData().link.ponged(),
    drain: (ws) => ws.getUserData().link.drained(),
    dropped: (ws) => ws.getUserData().link.dropped(),
    close: (ws, code) => ws.getUserData().link.closed(code),
  };
}
