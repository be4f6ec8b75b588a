// One answer under way on each connection of node:http, which hands over all requests that it has read.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after, soon } from '../lib/timers.js';

/** Chosen: requests that may stand behind the one that is answered. Whoever sends more loses the connection behind that. */
export const MAX_AHEAD = 32;
/** How long the answer under way may take then. */
const LAST_MS = 1_000;

interface Waiting {
  readonly res: ServerResponse;
  readonly serve: () => void;
}

/** Of one connection. */
interface Line {
  waiting: Waiting[];
  /** Nothing more is served. */
  over: NodeJS.Timeout | undefined;
}

/**
 * A request is served once the answer before it has left for the kernel, and in another turn: so a peer that does not read
 * costs one answer, and one that asks for thousands of things at once does not keep others waiting.
 */
export class OneAnswer {
  readonly #lines = new WeakMap<Socket, Line>();

  /** Calls `serve` when its turn has come; never, where the connection goes before. */
  enter(socket: Socket, res: ServerResponse, serve: () => void): void {
    const line = this.#lines.get(socket);
    if (line !== undefined) return void line.waiting.push({ res, serve });
    this.#lines.set(socket, { waiting: [], over: undefined });
    this.#begin(socket, { res, serve });
  }

  /** Whether as many wait as may: the next one is not even to be read. */
  isFull(socket: Socket): boolean {
    const waiting = this.#lines.get(socket)?.waiting.length ?? 0;
    return waiting >= MAX_AHEAD;
  }

  /** Serves nothing of what waits: the connection ends with the answer under way, and soon. */
  endWith(socket: Socket): void {
    const line = this.#lines.get(socket);
    if (line === undefined) return void socket.destroy();
    line.waiting = [];
    line.over = after(LAST_MS, () => socket.destroy());
    socket.once('close', () => clearTimeout(line.over));
  }

  /** Whether an answer is under way: nothing else may be written to this connection then. */
  isUnderWay(socket: Socket): boolean {
    return this.#lines.has(socket);
  }

  #begin(socket: Socket, { res, serve }: Waiting): void {
    res.once('close', () => soon(() => this.#next(socket)));
    serve();
  }

  #next(socket: Socket): void {
    const line = this.#lines.get(socket);
    if (line === undefined || socket.destroyed) return;
    const next = line.waiting.shift();
    if (line.over !== undefined) socket.destroy();
    else if (next === undefined) this.#lines.delete(socket);
    else this.#begin(socket, next);
  }
}
