// What becomes of the rest of a request whose answer is out: it is read away within bounds, then the connection goes.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after } from '../lib/timers.js';

/** Bytes of a body that are read away, so that a peer that is still sending sees its answer and no reset. Chosen: four of the largest bodies that are taken. */
export const REST_BYTES = 4 * 1024 * 1024;
/** How long a peer has to read its answer and to stop sending. Chosen. */
export const REST_MS = 5_000;
/** The same where sockets run short. Chosen: a round trip or two. */
export const SHORT_REST_MS = 500;
/** The share of all sockets from which on they run short: none is kept then that is not in use. Chosen. */
export const SHORT_FROM = 0.75;
/** A smaller piece counts as so much: taking it costs as much. */
const PIECE_BYTES = 1024;

/** Counts the rest of one request. Calls `spent` once when a bound is passed, unless `close` came before. */
export class RequestRest {
  readonly #spent: () => void;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(spent: () => void, withinMs = REST_MS) {
    this.#spent = spent;
    this.#timer = after(withinMs, spent);
  }

  take(bytes: number): void {
    if (this.#bytes > REST_BYTES) return;
    this.#bytes += Math.max(bytes, PIECE_BYTES);
    if (this.#bytes <= REST_BYTES) return;
    clearTimeout(this.#timer);
    this.#spent();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#bytes = Number.POSITIVE_INFINITY;
  }
}

/** Reads the rest of `req` away, until `res` closes; past a bound it closes `res` itself. */
export function readAway(req: IncomingMessage, res: ServerResponse, withinMs = REST_MS): void {
  const rest = new RequestRest(() => res.destroy(), withinMs);
  res.once('close', () => rest.close());
  req.on('data', (chunk: Buffer) => rest.take(chunk.length));
  req.resume();
}

/**
 * Answers a request whose body has not come whole: the head must say `Connection: close` and be set already. node:http
 * would close as soon as the answer ends, and reset a peer that is still sending: so it ends with the request.
 */
export function answerEarly(req: IncomingMessage, res: ServerResponse, body: string | Buffer, withinMs?: number): void {
  // Where there can be no body, `write` does not even send the head.
  if (body.length === 0 || req.method === 'HEAD') res.flushHeaders();
  else res.write(body);
  req.once('end', () => res.end());
  readAway(req, res, withinMs);
}

/** Sends what was written and FIN, reads away what still comes, and closes: when the peer has closed too, or past a bound. */
export function closeGently(socket: Socket, withinMs = REST_MS): void {
  const rest = new RequestRest(() => socket.destroy(), withinMs);
  socket.once('close', () => rest.close());
  socket.on('data', (chunk: Buffer) => rest.take(chunk.length));
  socket.resume();
  socket.end();
}
