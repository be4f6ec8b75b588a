// A reverse proxy with bad manners: what stands between browsers and servers in offices, hotels and trains.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as requestOf, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Manners {
  /**
   * What becomes of a WebSocket: `refuse` answers with a page, `reset` with nothing, `silence` opens it itself and says nothing more, `swallow`
   * has the server open it and keeps every frame.
   */
  readonly upgrades?: 'refuse' | 'reset' | 'silence' | 'swallow';
  /** Holds each stream back until it has ended. */
  readonly buffersStreams?: boolean;
  /** Hands on a byte of each stream so often, as one does that scans what it carries and would not be given up. */
  readonly tricklesStreamsEachMs?: number;
  /** Breaks off each answer of HTTP that is longer. */
  readonly cutsAnswersAfterBytes?: number;
  /** Resets each connection so long after it was opened, */
  readonly cutsAfterMs?: number;
  /** and each on which nothing has come or gone for so long. */
  readonly cutsIdleAfterMs?: number;
  /** How fast it hands on what servers say, and in pieces of how many bytes. */
  readonly bytesPerSecond?: number;
  readonly segmentBytes?: number;
  /** Answers everything itself: the page of a captive portal. */
  readonly isPortal?: boolean;
  /** Asks servers in HTTP/1.0, as nginx does unless it is told otherwise, and knows nothing of upgrades. */
  readonly speaksHttp10?: boolean;
}

const HTML = '<!DOCTYPE html><title>Welcome to the network</title><p>Please accept our terms.</p>';
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const LOOK_MS = 50;

export class HostileProxy {
  manners: Manners;
  /** Upgrades that were asked for. */
  upgrades = 0;
  /** Pieces of what servers say that it has handed on. */
  pieces = 0;
  /** Requests, by path. */
  readonly requests = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #portOf: (path: string) => number;
  #url = '';

  /** `portOf` tells where the server of a path listens. */
  constructor(portOf: (path: string) => number, manners: Manners = {}) {
    this.manners = manners;
    this.#portOf = portOf;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, socket) => this.#upgrade(request, socket as Socket));
    this.#server.on('connection', (socket) => this.#watch(socket));
  }

  get url(): string {
    return this.#url;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this.#url;
  }

  /** Requests to a path so far. */
  count(path: string): number {
    return this.requests.get(path) ?? 0;
  }

  /** Every connection dies; new ones get through. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #watch(socket: Socket): void {
    this.#keep(socket);
    socket.setNoDelay(true);
    const openedMs = performance.now();
    let bytes = 0;
    let unchanged = 0;
    const timer = setInterval(() => {
      const { cutsAfterMs = Number.POSITIVE_INFINITY, cutsIdleAfterMs = Number.POSITIVE_INFINITY } = this.manners;
      const seen = socket.bytesRead + socket.bytesWritten;
      // Looks, and not time: on a busy machine what is late would be taken for silence.
      unchanged = seen === bytes ? unchanged + 1 : 0;
      bytes = seen;
      if (performance.now() - openedMs > cutsAfterMs || unchanged * LOOK_MS > cutsIdleAfterMs) socket.resetAndDestroy();
    }, LOOK_MS);
    socket.once('close', () => clearInterval(timer));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    this.requests.set(path, this.count(path) + 1);
    if (this.manners.isPortal) {
      request.resume();
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(HTML);
      return;
    }
    try {
      if (this.manners.speaksHttp10) await this.#serveOld(request, response);
      else await this.#forward(request, response);
    } catch {
      // Either end has gone.
      response.destroy();
    }
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: path = '/', method, headers } = request;
    const onward = requestOf({ host: '127.0.0.1', port: this.#portOf(path), path, method, headers, agent: false });
    response.once('close', () => onward.destroy());
    request.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const isStream = answer.headers['content-type']?.startsWith('text/event-stream') ?? false;
    if (isStream && this.manners.buffersStreams) {
      const held: Buffer[] = [];
      for await (const chunk of answer) held.push(chunk);
      response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(held));
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    if (isStream && this.manners.tricklesStreamsEachMs) {
      await trickle(answer, response, this.manners.tricklesStreamsEachMs);
      return;
    }
    await this.#pump(answer, response, this.manners.cutsAnswersAfterBytes);
  }

  /** The request again, in HTTP/1.0, and whatever comes of that. */
  async #serveOld(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk);
    const { url: path = '/', method, headers } = request;
    const onward = connect(this.#portOf(path), '127.0.0.1');
    this.#keep(onward);
    response.once('close', () => onward.destroy());
    const kept = Object.entries(headers).filter(([name]) => !/^(connection|upgrade|sec-websocket)/.test(name));
    const lines = [...kept, ['connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
    onward.write(`${method} ${path} HTTP/1.0\r\n${lines.join('')}\r\n`);
    onward.write(Buffer.concat(body));
    const answer: Buffer[] = [];
    for await (const chunk of onward) answer.push(chunk);
    const text = Buffer.concat(answer).toString();
    const [head = '', ...rest] = text.split('\r\n\r\n');
    response.writeHead(Number(head.split(' ')[1]), {
      'Content-Type': /content-type: (.*)/i.exec(head)?.[1] ?? 'text/html',
    });
    response.end(rest.join('\r\n\r\n'));
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    this.upgrades++;
    const { upgrades, isPortal, speaksHttp10 } = this.manners;
    if (upgrades === 'reset') return void socket.resetAndDestroy();
    if (upgrades === 'refuse' || isPortal || speaksHttp10) {
      const status = isPortal ? '200 OK' : speaksHttp10 ? '426 Upgrade Required' : '403 Forbidden';
      socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${HTML.length}\r\n\r\n${HTML}`);
    } else if (upgrades === 'silence') {
      const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${MAGIC}`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.resume();
    } else this.#tunnel(request, socket);
  }

  #tunnel(request: IncomingMessage, socket: Socket): void {
    const { url: path = '/', headers } = request;
    const onward = connect(this.#portOf(path), '127.0.0.1');
    this.#keep(onward);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    onward.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    socket.once('close', () => onward.destroy());
    onward.once('close', () => socket.destroy());
    if (this.manners.upgrades === 'swallow') {
      onward.once('data', (head: Buffer) => {
        const text = head.toString('latin1');
        socket.write(text.slice(0, text.indexOf('\r\n\r\n') + 4), 'latin1');
      });
      socket.resume();
      return;
    }
    socket.pipe(onward);
    this.#pump(onward, socket).catch(() => socket.destroy());
  }

  /** Hands on what comes, as its manners are. */
  async #pump(from: Readable, to: Writable & { readonly socket?: Socket | null }, most = Number.POSITIVE_INFINITY) {
    let left = most;
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const { bytesPerSecond, segmentBytes = bytesPerSecond ? bytesPerSecond / 20 : chunk.length } = this.manners;
      for (let at = 0; at < chunk.length; at += segmentBytes) {
        const piece = chunk.subarray(at, Math.min(at + segmentBytes, at + left));
        left -= piece.length;
        this.pieces++;
        if (!to.write(piece)) await once(to, 'drain');
        if (left <= 0) return void to.socket?.destroySoon();
        if (bytesPerSecond) await sleep((1_000 * piece.length) / bytesPerSecond);
        else if (segmentBytes < chunk.length) await new Promise(setImmediate);
      }
    }
    to.end();
  }
}

async function trickle(from: Readable, to: Writable, eachMs: number): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length && !to.destroyed; at++) {
      to.write(chunk.subarray(at, at + 1));
      await sleep(eachMs);
    }
  }
  to.end();
}
