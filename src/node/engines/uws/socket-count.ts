// How many descriptors the sockets of uWebSockets.js hold: those that are open, and those that have ended lately.

import { readdirSync } from 'node:fs';
import { SHORT_FROM } from '../../../http/request-rest.js';
import { monotonicNowMs } from '../../../lib/clocks.js';

/** Measured: a WebSocket that has ended waits up to 16 s for its peer's FIN; its timer may be late. */
const LINGER_MS = 17_000;
/** Counting them takes some milliseconds where there are many. */
const LOOK_EVERY_MS = 1_000;
/** Chosen: the share of all sockets that may wait for their peers' FIN. */
const LINGERING = 1 / 16;

/** What a test hands in. */
export interface SocketCountParts {
  readonly clock: () => number;
  /** Open descriptors of the process; `undefined` where the system does not tell. */
  readonly descriptors: () => number | undefined;
}

/**
 * uWebSockets.js tells that a WebSocket has ended at once, and not when its descriptor is given back: those that have ended are
 * counted for a while, in two stretches of time, without a timer. Peers that close at once make that too many: where it would
 * cost somebody his place, the system is asked how many there are.
 */
export class SocketCount {
  readonly #max: number;
  readonly #parts: SocketCountParts;
  /** Descriptors that are no sockets of the engine. */
  readonly #others: number | undefined;
  #open = 0;
  #recent = 0;
  #older = 0;
  #turnedAtMs: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(max: number, parts: SocketCountParts = { clock: monotonicNowMs, descriptors: openDescriptors }) {
    this.#max = max;
    this.#parts = parts;
    this.#others = parts.descriptors();
    this.#turnedAtMs = parts.clock();
  }

  /** A socket has come; answers whether there is room for it. It counts either way, until it has gone. */
  came(): boolean {
    this.#open++;
    if (this.held <= this.#max) return true;
    this.#look();
    return this.held <= this.#max;
  }

  /** Its descriptor has been given back. */
  gone(): void {
    this.#open--;
  }

  /** A WebSocket has ended in good order: its descriptor goes later. */
  ended(): void {
    this.#turn();
    this.#open--;
    this.#recent++;
  }

  get held(): number {
    if (this.#recent + this.#older > 0) this.#turn();
    return this.#open + this.#recent + this.#older;
  }

  /** Whether one more may wait for its peer's FIN: else it is better closed at once. */
  get mayLinger(): boolean {
    const most = this.#max * LINGERING;
    if (this.#recent + this.#older < most) return true;
    this.#turn();
    this.#look();
    return this.#recent + this.#older < most;
  }

  /** Whether sockets run short: none is kept then that is not in use. */
  get isShort(): boolean {
    const from = this.#max * SHORT_FROM;
    if (this.#open + this.#recent + this.#older <= from) return false;
    if (this.#open <= from) this.#look();
    return this.held > from;
  }

  #turn(): void {
    const nowMs = this.#parts.clock();
    const passedMs = nowMs - this.#turnedAtMs;
    if (passedMs < LINGER_MS) return;
    this.#older = passedMs < 2 * LINGER_MS ? this.#recent : 0;
    this.#recent = 0;
    this.#turnedAtMs = nowMs;
  }

  /** Corrects the number of those that have ended. */
  #look(): void {
    const nowMs = this.#parts.clock();
    if (this.#others === undefined || nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    const descriptors = this.#parts.descriptors();
    if (descriptors === undefined) return;
    const lingering = Math.max(0, descriptors - this.#others - this.#open);
    if (lingering >= this.#recent + this.#older) return;
    this.#recent = lingering;
    this.#older = 0;
  }
}

/** Open descriptors of this process; `undefined` where the system does not tell, or none is left to ask with. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Not Linux, or at the limit: the estimate stands.
    return undefined;
  }
}
