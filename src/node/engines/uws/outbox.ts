// Frames for single sockets that leave one behind the other once all that came with them has been worked through.

import { atOnce, soon } from '../../../lib/timers.js';

/** Chosen: what Redis hands over at once is mostly as much. */
const BYTES = 64 * 1024;
/** Chosen: so many frames are handed to the kernel in some milliseconds. */
const MOST = 512;

/** UTF-8 of one of JavaScript's characters, at most. */
const MOST_BYTES_EACH = 3;

export interface Receiver {
  /** Takes a frame, copied at once. Must not throw. */
  take(frame: Buffer): void;
  /** Runs `write`; what that has it take leaves in as few system calls as may be. */
  cork(write: () => void): void;
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
  #isEnding = false;
  #isDue = false;

  /** Has `receiver` take the frame, copied at once, by the end of this callback at the latest. */
  add(receiver: Receiver, frame: Buffer): void {
    this.#makeRoom(frame.length);
    if (frame.length > BYTES) return receiver.take(frame);
    this.#bytes.set(frame, this.#used);
    this.#push(receiver, frame.length);
    if (this.#isEnding) return;
    this.#isEnding = true;
    atOnce(this.#flushCallback);
  }

  /** The same by the end of this turn of the event loop, in which others may be answered, too. */
  addText(receiver: Receiver, text: string): void {
    const most = text.length * MOST_BYTES_EACH;
    this.#makeRoom(most);
    if (most > BYTES) return receiver.take(Buffer.from(text));
    this.#push(receiver, this.#bytes.write(text, this.#used));
    if (this.#isDue) return;
    this.#isDue = true;
    soon(this.#flushTurn);
  }

  /** Sends what waits. May be called while it does: then the rest is sent at once. */
  flush(): void {
    if (this.#count === 0) return;
    while (this.#sent < this.#count) {
      const receiver = this.#receivers[this.#sent];
      if (receiver === undefined || this.#receivers[this.#sent + 1] !== receiver) this.#sendNext();
      else receiver.cork(() => this.#sendAllOf(receiver));
    }
    this.#count = 0;
    this.#sent = 0;
    this.#used = 0;
  }

  #makeRoom(bytes: number): void {
    if (this.#count === MOST || this.#used + bytes > BYTES) this.flush();
  }

  #push(receiver: Receiver, bytes: number): void {
    this.#used += bytes;
    this.#receivers[this.#count] = receiver;
    this.#ends[this.#count] = this.#used;
    this.#count++;
  }

  /** Those that follow each other. */
  #sendAllOf(receiver: Receiver): void {
    while (this.#sent < this.#count && this.#receivers[this.#sent] === receiver) this.#sendNext();
  }

  #sendNext(): void {
    const at = this.#sent++;
    const receiver = this.#receivers[at];
    this.#receivers[at] = undefined;
    receiver?.take(this.#bytes.subarray(at === 0 ? 0 : this.#ends[at - 1], this.#ends[at]));
  }

  readonly #flushCallback = (): void => {
    this.#isEnding = false;
    this.flush();
  };

  readonly #flushTurn = (): void => {
    this.#isDue = false;
    this.flush();
  };
}
