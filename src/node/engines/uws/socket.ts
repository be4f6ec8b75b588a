// WebSockets on uWebSockets.js: one small object per socket, one set of callbacks per engine.

import type { WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import type { Handshakes } from '../../../http/handshakes.js';
import { after, soon } from '../../../lib/timers.js';
import { CLOSE } from '../../../protocol/index.js';
import { countControl, isTooMany, TOO_MANY_CONTROLS } from '../control-frames.js';
import type { EngineHandlers, EngineOptions, EngineSocket, SocketHandler } from '../engine.js';
import { guarded } from '../guard.js';
import { closeReason, saneCloseCode } from '../refusal.js';
import { Outbox, type Receiver } from './outbox.js';
import type { SocketCount } from './socket-count.js';
import { UwsStreams } from './stream.js';
import { Turn } from './turn.js';
import { Unread } from './unread.js';

/** Frames over this many times the limit drop the link before they are stored. */
const HARD_CAP_FACTOR = 4;
/**
 * A backstop: the node pings, and closes what does not answer, long before. Also how long one that has ended may take to read
 * what is left for it, and, of that, 16 s for its peer's FIN: with 0 there would be no end to the first.
 */
const IDLE_TIMEOUT_S = 120;
/** Chosen: how long the last words of a link that has ended may take to leave. */
const LAST_WORDS_MS = 10_000;
/** What uWebSockets.js calls the end of a socket whose descriptor has gone already. */
const GONE = 1006;

/** What uWebSockets.js keeps with a socket. */
export interface Link {
  readonly link: UwsSocket;
}

/** What the links of one engine share. */
export class UwsSockets {
  readonly handlers: EngineHandlers;
  readonly options: EngineOptions;
  readonly streams = new UwsStreams();
  readonly outbox = new Outbox();
  readonly turn = new Turn();
  readonly unread = new Unread();
  readonly count: SocketCount;
  readonly handshakes: Handshakes;
  #slow: UwsSocket[] = [];

  constructor(handlers: EngineHandlers, options: EngineOptions, count: SocketCount, handshakes: Handshakes) {
    this.handlers = handlers;
    this.options = options;
    this.count = count;
    this.handshakes = handshakes;
  }

  /**
   * Notes a socket that lost a frame. It is cut before anything else is sent, so that it never gets a later one, but
   * not here: this is called while uWebSockets.js walks its list of subscribers.
   */
  addSlow(socket: UwsSocket): void {
    this.#slow.push(socket);
    if (this.#slow.length === 1) soon(() => this.cutSlow());
  }

  cutSlow(): void {
    if (this.#slow.length === 0) return;
    const slow = this.#slow;
    this.#slow = [];
    for (const socket of slow) socket.cut();
  }

  readonly fail = (error: unknown): void => {
    this.handlers.failed?.(error, randomUUID());
  };
}

/** Whose socket it is; hears when it has gone. */
export interface SocketOwner {
  left(): void;
}

export class UwsSocket implements EngineSocket, Receiver {
  readonly handler: SocketHandler;
  readonly #sockets: UwsSockets;
  readonly #owner: SocketOwner;
  /** Undefined before `open` and after `close`; uWebSockets.js throws when it is touched then. */
  #ws: WebSocket<Link> | undefined;
  /** For the node it has ended; its peer has not taken all that it was sent. */
  #parting: { readonly ws: WebSocket<Link>; readonly late: NodeJS.Timeout; end(): void } | undefined;
  #slow = false;
  /** Of {@link countControl}. */
  #controls = 0;
  /** Of a peer that has not been let in. */
  #address: string | undefined;

  constructor(handler: SocketHandler, sockets: UwsSockets, address: string, owner: SocketOwner) {
    this.handler = handler;
    this.#sockets = sockets;
    this.#owner = owner;
    this.#address = address;
  }

  send(frame: string | Buffer): void {
    this.#sockets.outbox.flush();
    this.#send(frame);
  }

  /** Measured: an eighth cheaper than by a topic. */
  deliver(frame: string | Buffer): void {
    const { outbox } = this.#sockets;
    if (typeof frame === 'string') outbox.addText(this, frame);
    else outbox.add(this, frame);
  }

  /** Called by the outbox. */
  take(frame: Buffer): void {
    guarded(() => this.#send(frame), this.#sockets.fail);
  }

  #send(frame: string | Buffer): void {
    // The outcome is not looked at: sent and buffered are fine, a dropped frame comes to `dropped`.
    if (!this.#slow) this.#ws?.send(frame, false, false);
  }

  cork(write: () => void): void {
    if (this.#ws === undefined) write();
    else this.#ws.cork(write);
  }

  ping(): void {
    this.#sockets.outbox.flush();
    if (!this.#slow) this.#ws?.ping();
  }

  admit(): void {
    if (this.#address !== undefined) this.#sockets.handshakes.end(this.#address);
    this.#address = undefined;
  }

  /**
   * A close frame that would stand behind others waits here until they have left: uWebSockets.js would wait for as long as it
   * pleases the peer. Where too many peers keep it waiting for their FIN already, there is no close frame: what was sent in
   * this turn still leaves.
   */
  close(code: number, reason: string): void {
    this.#sockets.outbox.flush();
    const ws = this.#ws;
    if (ws === undefined) return;
    if (this.#slow) return void ws.close();
    const { mayLinger } = this.#sockets.count;
    if (mayLinger && ws.getBufferedAmount() === 0) return void ws.end(code, closeReason(reason));
    this.#ws = undefined;
    for (const topic of ws.getTopics()) ws.unsubscribe(topic);
    const late = after(mayLinger ? LAST_WORDS_MS : 0, () => ws.close());
    this.#parting = { ws, late, end: () => void ws.end(code, closeReason(reason)) };
    this.#tellClosed(code);
  }

  cut(): void {
    this.#slow = true;
    // A close frame would stand behind what the peer does not read, so none is sent.
    this.#ws?.close();
  }

  subscribe(topic: string): void {
    this.#ws?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#ws?.unsubscribe(topic);
  }

  bufferedBytes(): number {
    this.#sockets.outbox.flush();
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

  closed(code: number): void {
    const isTold = this.#ws === undefined;
    this.#ws = undefined;
    clearTimeout(this.#parting?.late);
    this.#parting = undefined;
    if (code === GONE) {
      this.#sockets.count.gone();
      this.admit();
    } else this.#sockets.count.ended();
    this.#owner.left();
    if (isTold) return;
    // A slow socket is cut within `publish`: the node must not be called there.
    if (this.#slow) soon(() => this.#tellClosed(CLOSE.slowConsumer));
    else this.#tellClosed(saneCloseCode(code));
  }

  received(message: ArrayBuffer, binary: boolean): void {
    if (this.#ws === undefined) return;
    try {
      if (binary) this.handler.binary();
      else if (message.byteLength > this.#sockets.options.maxFrameBytes) this.handler.tooLarge(message.byteLength);
      else this.handler.text(Buffer.from(message).toString());
    } catch (error) {
      this.fail(error);
    }
  }

  pinged(): void {
    this.#controls = countControl(this.#controls);
    if (isTooMany(this.#controls)) this.close(TOO_MANY_CONTROLS.code, TOO_MANY_CONTROLS.reason);
  }

  ponged(): void {
    this.pinged();
    if (this.#ws === undefined) return;
    try {
      this.handler.pong();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Measured: of what is sent within this callback, a rest that does not pass at once is never sent, because
   * uWebSockets.js then stops waiting for the socket. So the node hears of it later, and what waits in the outbox stays there.
   */
  drained(): void {
    const parting = this.#parting;
    if (parting !== undefined && parting.ws.getBufferedAmount() === 0) soon(() => this.#parting?.end());
    else if (parting === undefined && this.#ws?.getBufferedAmount() === 0) soon(() => this.#tellDrained());
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
      this.#sockets.fail(error);
    }
  }

  fail(error: unknown): void {
    this.#sockets.fail(error);
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
    ping: (ws) => ws.getUserData().link.pinged(),
    pong: (ws) => ws.getUserData().link.ponged(),
    drain: (ws) => ws.getUserData().link.drained(),
    dropped: (ws) => ws.getUserData().link.dropped(),
    close: (ws, code) => ws.getUserData().link.closed(code),
  };
}
