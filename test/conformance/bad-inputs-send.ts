// Sends one row of the bad-input table and checks what comes back.

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { frame } from '../support/web-socket-frames.js';
import type { HttpRow, RawRow, SocketRow } from './bad-inputs-case.js';
import { ADMIN_KEY, PUBLISH_KEY, userToken } from './bad-inputs-server.js';
import { BareSocket, type NodeEvent } from './stranger-client.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One HTTP request, as the row says. */
export async function sendHttp(port: number, row: HttpRow): Promise<void> {
  const answer = await exchange(port, row);
  const { status, code, channels, headers = {}, without = [] } = row.expect;
  expect(answer.status, answer.text).toBe(status);
  if (code !== undefined) {
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(answer.text) as Record<string, unknown>;
    expect(problem).toMatchObject({ code, status, title: expect.any(String), detail: expect.any(String) });
    if (channels !== undefined) expect(problem.channels).toEqual(channels);
  }
  for (const [name, value] of Object.entries(headers)) expect(answer.headers[name.toLowerCase()], name).toMatch(value);
  for (const name of without) expect(answer.headers).not.toHaveProperty(name);
}

function exchange(port: number, row: HttpRow): Promise<Answer> {
  const { method = 'POST', path, body, chunked = false } = row;
  const authorization = authorizationOf(row);
  const headers: Record<string, string | string[]> = {
    ...(authorization !== undefined && { Authorization: authorization }),
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
    ...(body !== undefined && !chunked && { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...Object.fromEntries(Object.entries(row.headers ?? {}).map(([name, value]) => [name, [value].flat()])),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function authorizationOf({ authorization = 'user' }: HttpRow): string | string[] | undefined {
  if (authorization === 'none') return undefined;
  if (authorization === 'user') return `Bearer ${userToken()}`;
  if (authorization === 'backend') return `Bearer ${PUBLISH_KEY}`;
  if (authorization === 'admin') return `Bearer ${ADMIN_KEY}`;
  return authorization.length === 1 ? authorization[0] : [...authorization];
}

/** Frames on a WebSocket, as the row says. */
export async function sendFrames(url: string, row: SocketRow): Promise<void> {
  const { connect: connects = true, frames } = row;
  const { code, message, channel, close } = row.expect;
  const socket = connects ? (await BareSocket.connected(url, userToken())).socket : await BareSocket.open(url);
  for (const frame of frames) socket.raw(frame);
  if (code !== undefined) {
    const error = await errorOf(socket, code, frames.length === 1);
    expect(error).toMatchObject({ type: 'error', code, message: expect.any(String) });
    if (message !== undefined) expect(error.message).toMatch(message);
    if (channel !== undefined) expect(error.channel).toBe(channel);
    expect(error.code !== 'rate_limited' || typeof error.retryAfterMs === 'number').toBe(true);
  }
  if (close !== undefined) return expect(socket.closed).resolves.toMatchObject({ code: close });
  await socket.ping();
  await socket.close();
}

/** The first error, or the first with `code` where more than one frame was sent. */
async function errorOf(socket: BareSocket, code: string, first: boolean): Promise<NodeEvent> {
  for (;;) {
    const error = await socket.nextOf('error');
    if (first || error.code === code) return error;
  }
}

/** Bytes on a TCP connection, as the row says. */
export async function sendRaw(port: number, row: RawRow): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const received = new Received(socket);
  await once(socket, 'connect');
  if (row.open) await openWebSocket(socket, received);
  const stopSending = sendSegments(socket, row);
  try {
    if (row.expect === 'ignored') socket.end();
    if (Array.isArray(row.expect)) {
      await received.until(/^HTTP\/1\.1 \d+ /);
      expect(row.expect).toContain(Number(received.text.slice(9, 12)));
    } else await received.closed;
    if (row.expect === 'refused')
      expect(received.text).not.toMatch(row.open ? /"type":"(?!heartbeat)/ : /HTTP\/1\.1 [12]\d\d/);
  } finally {
    stopSending();
    socket.destroy();
  }
}

/** What has come on a socket since it was last forgotten. */
class Received {
  text = '';
  readonly closed: Promise<void>;
  #waiting: { readonly pattern: RegExp; readonly resolve: () => void } | undefined;

  constructor(socket: Socket) {
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk;
      if (this.#waiting?.pattern.test(this.text)) this.#waiting.resolve();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
    });
  }

  until(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return Promise.resolve();
    return Promise.race([
      new Promise<void>((resolve) => {
        this.#waiting = { pattern, resolve };
      }),
      this.closed.then(() => Promise.reject(new Error(`closed before ${pattern}, after ${this.text}`))),
    ]);
  }
}

async function openWebSocket(socket: Socket, received: Received): Promise<void> {
  const lines = ['GET /v1/ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket'];
  lines.push('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
  // Deflate is offered, and must not be taken.
  lines.push('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', '', '');
  socket.write(lines.join('\r\n'));
  await received.until(/\r\n\r\n/);
  expect(received.text).toMatch(/^HTTP\/1\.1 101 /);
  expect(received.text).not.toMatch(/Sec-WebSocket-Extensions/i);
  socket.write(frame(JSON.stringify({ type: 'connect', id: 1, version: 1, token: userToken() })));
  await received.until(/"type":"connected".*\}/s);
  received.text = '';
}

/** Returns what stops it. */
function sendSegments(socket: Socket, { segments, everyMs, repeat = false }: RawRow): () => void {
  if (everyMs === undefined) {
    socket.write(Buffer.concat(segments.map((segment) => Buffer.from(segment))));
    return () => {};
  }
  socket.setNoDelay(true);
  let next = 0;
  const timer = setInterval(() => {
    const segment = segments[repeat ? Math.min(next, segments.length - 1) : next];
    next++;
    if (segment === undefined || socket.destroyed) clearInterval(timer);
    else socket.write(segment);
  }, everyMs);
  return () => clearInterval(timer);
}
