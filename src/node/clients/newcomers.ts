// WebSockets that have come and that nobody has shown a ticket on yet: no load, a share of their own, the oldest goes first.

import { tellFault } from '../../lib/timers.js';
import type { Code } from '../../protocol/index.js';

/** Specified: what they may be of a node's places. */
const SHARE = 1 / 4;
/** Chosen: so many come in however full the node is, to be told so; half of the sockets that a node has beyond its places. */
const LEAST = 128;

/** One of them. */
export interface Newcomer {
  /** Closes it when its handshake has taken too long by the monotonic clock. */
  checkHandshake(nowMs: number): void;
  end(code: Code, reason: string): void;
}

export class Newcomers {
  /** Oldest first. */
  readonly #waiting = new Set<Newcomer>();
  readonly #places: number;
  readonly #taken: () => number;

  /** `taken` says how many of the node's places links have: newcomers take none that a link could have. */
  constructor(places: number, taken: () => number) {
    this.#places = places;
    this.#taken = taken;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Takes one more; the oldest leaves where that is one too many. */
  add(newcomer: Newcomer): void {
    this.#waiting.add(newcomer);
    const most = Math.max(LEAST, Math.min(this.#places * SHARE, this.#places - this.#taken()));
    if (this.#waiting.size <= most) return;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    oldest.end('overloaded', 'too many have come without a ticket');
  }

  /** It has become a link, or has gone. Idempotent. */
  remove(newcomer: Newcomer): void {
    this.#waiting.delete(newcomer);
  }

  [Symbol.iterator](): Iterator<Newcomer> {
    return this.#waiting.values();
  }

  sweep(nowMs: number): void {
    for (const newcomer of this.#waiting) {
      try {
        newcomer.checkHandshake(nowMs);
      } catch (error) {
        tellFault(error);
      }
    }
  }
}
