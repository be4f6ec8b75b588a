// A client written from docs/PROTOCOL.md alone: bare `ws`, `fetch` and `node:crypto`, nothing of Fanfare's.

import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { hmacJwt } from '../support/jwt.js';

/** What a node sends, as far as a stranger knows: a type and fields. */
export interface NodeEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** PROTOCOL 5.1: a token, made by a backend that knows the secret. */
export function makeToken(secret: string, claims: object, header: object = { alg: 'HS256', typ: 'JWT' }): string {
  const now = Math.floor(Date.now() / 1000);
  return hmacJwt({ iat: now, exp: now + 600, ...claims }, header, secret);
}

/** Values that arrive by pushing and are taken by pulling, in order. */
export class Inbox<T> {
  readonly #values: T[] = [];
  readonly #waiting: { resolve: (value: T) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  push(value: T): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#values.push(value);
    else waiter.resolve(value);
  }

  /** Nothing comes after what is here: pulling more rejects. */
  end(error: Error): void {
    this.#ended = error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }

  pull(): Promise<T> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

/** PROTOCOL 8: one WebSocket. */
export class BareSocket {
  readonly #socket: WebSocket;
  readonly #inbox = new Inbox<NodeEvent>();
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const event = JSON.parse(String(data)) as NodeEvent;
      if (event.type !== 'heartbeat') this.#inbox.push(event);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#inbox.end(new Error(`the socket closed with ${code} ${String(reason)}`));
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** `base` is a node's `http(s)://` URL. */
  static open(base: string): Promise<BareSocket> {
    const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/v1/ws`, 'fanfare.v1', { perMessageDeflate: false });
    const bare = new BareSocket(socket);
    return new Promise((resolve, reject) => {
      socket.on('open', () => resolve(bare));
      socket.on('error', reject);
    });
  }

  /** Opens and connects; resolves with the `connected` event beside the socket. */
  static async connected(base: string, token?: string): Promise<{ socket: BareSocket; connected: NodeEvent }> {
    const socket = await BareSocket.open(base);
    socket.command('connect', { version: 1, ...(token !== undefined && { token }) });
    const connected = await socket.next();
    if (connected.type !== 'connected') throw new Error(`expected connected, got ${JSON.stringify(connected)}`);
    return { socket, connected };
  }

  /** Sends a command and says which id it was given. */
  command(type: string, fields: object): number {
    this.#id += 1;
    this.raw(JSON.stringify({ type, id: this.#id, ...fields }));
    return this.#id;
  }

  raw(frame: string | Uint8Array): void {
    this.#socket.send(frame);
  }

  /** The next event, heartbeats left out; rejects when the socket has closed. */
  next(): Promise<NodeEvent> {
    return this.#inbox.pull();
  }

  /** The next event of a type; others before it are dropped. */
  async nextOf(type: string): Promise<NodeEvent> {
    for (;;) {
      const event = await this.next();
      if (event.type === type) return event;
    }
  }

  /** Bytes on the wire, past the WebSocket library. */
  write(bytes: Uint8Array): void {
    (this.#socket as unknown as { readonly _socket: Socket })._socket.write(bytes);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Stops and starts reading from the network. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  /** Resolves with the pong; rejects when the link closes instead. */
  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('pong', () => resolve());
      void this.closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)));
      this.#socket.ping();
    });
  }

  close(): Promise<{ readonly code: number; readonly reason: string }> {
    this.#socket.close(1000);
    return this.closed;
  }
}

/** PROTOCOL 10: reads server-sent events from a body. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ name: string; data: NodeEvent }> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const textOf = (field: string): string | undefined =>
        lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
      const data = textOf('data');
      if (data !== undefined) yield { name: textOf('event') ?? 'message', data: JSON.parse(data) as NodeEvent };
    }
  }
}
