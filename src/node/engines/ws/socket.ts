// One WebSocket of the ws engine: ws parses what comes in, encoded frames go straight to the TCP socket.

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { after, contained, soon } from '../../../lib/timers.js';
import { CLOSE } from '../../../protocol/index.js';
import { countControl, isTooMany, TOO_MANY_CONTROLS } from '../control-frames.js';
import type { EngineHandlers, EngineOptions, EngineSocket, SocketHandler } from '../engine.js';
import { closeReason, saneCloseCode } from '../refusal.js';
import { writeDirectly } from './direct-write.js';
import { PING_FRAME, textFrame } from './frame.js';
import type { Subscriber, Topic, Topics } from './topics.js';

/** How long a slow socket has to read on to its close frame. */
const CUT_GRACE_MS = 1_000;

/** What the sockets of one engine share. */
export class WsSockets {
  readonly handlers: EngineHandlers;
  readonly options: EngineOptions;
  readonly topics: Topics;
  /** Whether sockets run short: nobody waits for a peer's FIN then. */
  readonly isShort: () => boolean;
  #slow: WsSocket[] = [];

  constructor(handlers: EngineHandlers, options: EngineOptions, topics: Topics, isShort: () => boolean) {
    this.handlers = handlers;
    this.options = options;
    this.topics = topics;
    this.isShort = isShort;
  }

  /** Notes a socket to cut; not cut here, because that calls the node, which may be the caller. */
  addSlow(socket: WsSocket): void {
    this.#slow.push(socket);
    if (this.#slow.length === 1) soon(() => this.#cutSlow());
  }

  #cutSlow(): void {
    const slow = this.#slow;
    this.#slow = [];
    for (const socket of slow) contained(() => socket.cut());
  }

  failed(error: unknown): void {
    this.handlers.failed?.(error, randomUUID());
  }
}

/**
 * Writing past ws' own sender is safe as long as nothing is compressed: the sender then writes every frame whole and at
 * once, so frames never mix.
 */
export class WsSocket implements EngineSocket, Subscriber {
  pendingBatches = 0;
  readonly #sockets: WsSockets;
  readonly #handler: SocketHandler;
  readonly #ws: WebSocket;
  readonly #raw: Socket;
  #topics: Topic[] = [];
  /** `slow` takes no more frames and is about to be cut. */
  #state: 'open' | 'slow' | 'closed' = 'open';
  #gathering = false;
  /** Of {@link countControl}. */
  #controls = 0;
  #cutTimer: NodeJS.Timeout | undefined;
  readonly #settled: () => void;

  /** `settled` hears that it has been let in. */
  constructor(ws: WebSocket, raw: Socket, handler: SocketHandler, sockets: WsSockets, settled: () => void) {
    this.#ws = ws;
    this.#raw = raw;
    this.#handler = handler;
    this.#sockets = sockets;
    this.#settled = settled;
    ws.on('message', (data, binary) => this.#received(data as Buffer, binary));
    ws.on('ping', () => this.#controlled());
    ws.on('pong', () => {
      this.#controlled();
      this.#call(() => handler.pong());
    });
    ws.on('close', (code) => this.#gone(code));
    // What goes wrong ends in `close` too.
    ws.on('error', () => {});
    raw.on('drain', () => this.#call(() => handler.drain()));
    this.#call(() => handler.open(this));
  }

  send(frame: string | Buffer): void {
    if (this.#state !== 'open') return;
    this.#flushTopics();
    this.write(textFrame(frame));
  }

  cork(write: () => void): void {
    this.#raw.cork();
    try {
      write();
    } finally {
      this.#raw.uncork();
    }
  }

  admit(): void {
    this.#settled();
  }

  ping(): void {
    if (this.#writable()) writeDirectly(this.#raw, PING_FRAME);
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#flushTopics();
    this.#end(code, reason);
  }

  subscribe(name: string): void {
    if (this.#state !== 'open') return;
    const topic = this.#sockets.topics.subscribe(name, this);
    if (!this.#topics.includes(topic)) this.#topics.push(topic);
  }

  unsubscribe(name: string): void {
    const index = this.#topics.findIndex((topic) => topic.name === name);
    const topic = this.#topics[index];
    if (topic === undefined) return;
    this.#sockets.topics.flushTopic(topic);
    this.#topics.splice(index, 1);
    this.#sockets.topics.unsubscribe(topic, this);
  }

  bufferedBytes(): number {
    return this.#raw.writableLength;
  }

  write(frames: Buffer): void {
    if (!this.#writable()) return;
    if (this.#raw.writableLength <= this.#sockets.options.maxBufferedBytes) {
      writeDirectly(this.#raw, frames);
      return;
    }
    this.#state = 'slow';
    this.#sockets.addSlow(this);
  }

  gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#raw.cork();
  }

  release(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#raw.uncork();
  }

  /** Ends a slow socket: a close frame stands behind all that it was sent, and it has a moment to get there. */
  cut(): void {
    if (this.#state === 'closed') return;
    this.#sockets.handlers.slowConsumer?.();
    this.#end(CLOSE.slowConsumer, 'slow consumer', true);
  }

  /** Whether a frame may still be written: not after a close frame of either side. */
  #writable(): boolean {
    return this.#state === 'open' && this.#ws.readyState === WebSocket.OPEN;
  }

  /** `hurried`: the peer has a moment to take the close frame and to go, not ten seconds. */
  #end(code: number, reason: string, hurried = this.#sockets.isShort()): void {
    if (hurried) this.#cutTimer ??= after(CUT_GRACE_MS, () => this.#ws.terminate());
    this.#ws.close(code, closeReason(reason));
    this.#closed(code);
  }

  #gone(code: number): void {
    clearTimeout(this.#cutTimer);
    this.#closed(saneCloseCode(code));
  }

  #closed(code: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const topic of this.#topics) this.#sockets.topics.unsubscribe(topic, this);
    this.#topics = [];
    try {
      this.#handler.close(code);
    } catch (error) {
      this.#sockets.failed(error);
    }
  }

  #controlled(): void {
    this.#controls = countControl(this.#controls);
    if (this.#state !== 'open' || !isTooMany(this.#controls)) return;
    this.#flushTopics();
    this.#end(TOO_MANY_CONTROLS.code, TOO_MANY_CONTROLS.reason, true);
    // What has come already is parsed, and no more of it is read.
    this.#ws.pause();
  }

  #received(data: Buffer, binary: boolean): void {
    const handler = this.#handler;
    if (binary) this.#call(() => handler.binary());
    else if (data.length > this.#sockets.options.maxFrameBytes) this.#call(() => handler.tooLarge(data.length));
    else this.#call(() => handler.text(data.toString()));
  }

  #call(handle: () => void): void {
    if (this.#state === 'closed') return;
    try {
      handle();
    } catch (error) {
      this.#sockets.failed(error);
      this.close(CLOSE.internal, 'internal');
    }
  }

  /** What was published to its topics comes before what is sent to it now. */
  #flushTopics(): void {
    for (const topic of this.#topics) this.#sockets.topics.flushTopic(topic);
  }
}
