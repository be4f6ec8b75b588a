// Frames for single sockets that leave one behind the other once all that came with them has been worked through.

import { atOnce } from '../../../lib/timers.js';

/** Chosen: what Redis hands over at once is mostly as much. */
const BYTES = 64 * 1024;
/** Chosen: so many frames are handed to the kernel in some milliseconds. */
const MOST = 512;

/** Takes a frame, copied at once. Must not throw. */
export interface Receiver {
  take(frame: Buffer): void;
}

/**
 * Sending as each message is read costs up to half as much again: a peer that has read one frame before the next is sent falls asleep in between,
 * and waking it is the dearest part of sending. So those of one turn are sent together, in order; bounded, and before
 * anything else is sent to one of their sockets: {@link flush} first.
 */
export class Outbox {
  readonly #bytes = Buffer.allocUnsafeSlow(BYTES);
  readonly #receivers: (Receiver | undefined)[] = [];
  readonly #ends: number[] = [];
  /** How many wait, those included that a flush under way has sent. */
  #count = 0;
  /** How many of them have been sent. */
  #sent = 0;
  #used = 0;
  #isScheduled = false;

  /** Has `receiver` take the frame, copied at once, by the end of this turn at the latest. */
  add(receiver: Receiver, frame: Buffer): void {
    if (this.#count === MOST || this.#used + frame.length > BYTES) this.flush();
    if (frame.length > BYTES) return receiver.take(frame);
    this.#bytes.set(frame, this.#used);
    this.#used += frame.length;
    this.#receivers[this.#count] = receiver;
    this.#ends[this.#count] = this.#used;
    this.#count++;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    atOnce(this.#flushTurn);
  }

  /** Sends what waits. May be called while it does: then the rest is sent at once. */
  flush(): void {
    if (this.#count === 0) return;
    while (this.#sent < this.#count) {
      const at = this.#sent++;
      const receiver = this.#receivers[at];
      this.#receivers[at] = undefined;
      receiver?.take(this.#bytes.subarray(at === 0 ? 0 : this.#ends[at - 1], this.#ends[at]));
    }
    this.#count = 0;
    this.#sent = 0;
    this.#used = 0;
  }

  readonly #flushTurn = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
}
