// One answer under way on each connection of node:http, which hands over all requests that it has read.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after, contained, soon } from '../lib/timers.js';

/** Chosen: requests that may stand behind the one that is answered. Whoever sends more loses the connection behind that. */
export const MAX_AHEAD = 32;
/** How long the answer under way may take then. */
const LAST_MS = 1_000;

interface Waiting {
  readonly res: ServerResponse;
  readonly serve: () => void;
}

const LINE = Symbol('line');

/** A connection has its line with it: a table of all of them is walked each time that garbage is collected. */
interface Lined extends Socket {
  [LINE]?: Line;
}

/**
 * A request is served once the answer before it has left for the kernel, and in another turn: so a peer that does not read
 * costs one answer, and one that asks for thousands of things at once does not keep others waiting.
 */
export class OneAnswer {
  /** Connections whose answer has left in this turn. */
  #left: Line[] = [];

  /** Calls `serve` when its turn has come; never, where the connection goes before. */
  enter(socket: Lined, res: ServerResponse, serve: () => void): void {
    socket[LINE] ??= new Line(socket, this.#leave);
    socket[LINE].enter(res, serve);
  }

  /** Whether as many wait as may: the next one is not even to be read. */
  isFull(socket: Lined): boolean {
    return socket[LINE]?.isFull === true;
  }

  /** Serves nothing of what waits: the connection ends with the answer under way, and soon. */
  endWith(socket: Lined): void {
    if (!this.isUnderWay(socket)) socket.destroy();
    else socket[LINE]?.end();
  }

  /** Whether an answer is under way: nothing else may be written to this connection then. */
  isUnderWay(socket: Lined): boolean {
    return socket[LINE]?.isBusy === true;
  }

  readonly #leave = (line: Line): void => {
    if (this.#left.push(line) === 1) soon(() => this.#goOn());
  };

  #goOn(): void {
    const lines = this.#left;
    this.#left = [];
    for (const line of lines) contained(() => line.goOn());
  }
}

/** Of one connection. */
class Line {
  isBusy = false;
  readonly #socket: Socket;
  readonly #left: () => void;
  #waiting: Waiting[] | undefined;
  /** Nothing more is served. */
  #over: NodeJS.Timeout | undefined;

  constructor(socket: Socket, leave: (line: Line) => void) {
    this.#socket = socket;
    this.#left = () => leave(this);
  }

  get isFull(): boolean {
    return this.#waiting !== undefined && this.#waiting.length >= MAX_AHEAD;
  }

  enter(res: ServerResponse, serve: () => void): void {
    if (!this.isBusy) return this.#begin(res, serve);
    if (this.#waiting === undefined) this.#waiting = [{ res, serve }];
    else this.#waiting.push({ res, serve });
  }

  end(): void {
    this.#waiting = undefined;
    if (this.#over !== undefined) return;
    this.#over = after(LAST_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => clearTimeout(this.#over));
  }

  #begin(res: ServerResponse, serve: () => void): void {
    this.isBusy = true;
    res.on('close', this.#left);
    serve();
  }

  /** Its answer has left, in a turn that is over. */
  goOn(): void {
    if (this.#socket.destroyed) return;
    const next = this.#waiting?.shift();
    if (this.#over !== undefined) this.#socket.destroy();
    else if (next === undefined) {
      this.isBusy = false;
      this.#waiting = undefined;
    } else this.#begin(next.res, next.serve);
  }
}
