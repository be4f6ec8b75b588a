// The newest messages of one channel, bounded in count and bytes, with the position before the oldest.

import { OFFSET_LENGTH, type Offset } from '../protocol/index.js';
import { ChannelMessage, OFFSET_AT } from './channel-message.js';

export interface RingLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

const NOWHERE = new ArrayBuffer(0);

/**
 * A contiguous run of the log: `base`, then each message the successor of the one before it. Of a message it keeps where its
 * frame lies and no object at all, because thousands of channels with a hundred objects each are what a garbage collector
 * is slowest at (measured: a quarter of the time per message).
 */
export class MessageRing {
  readonly #limits: RingLimits;
  /** Where in every frame the part begins that differs between messages. */
  readonly #bodyAt: number;
  readonly #memory: ArrayBufferLike[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  #first = 0;
  #size = 0;
  #bytes = 0;
  /** `undefined`: to be read from the frame that left last. */
  #base: Offset | undefined;
  #leftMemory: ArrayBufferLike = NOWHERE;
  #leftStart = 0;

  /** An empty run at position `base`. */
  constructor(limits: RingLimits, bodyAt: number, base: Offset) {
    this.#limits = limits;
    this.#bodyAt = bodyAt;
    this.#base = base;
  }

  /** The position before the oldest message held. */
  get base(): Offset {
    this.#base ??= this.#readOffset(this.#leftMemory, this.#leftStart);
    return this.#base;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the successor of the newest message; the oldest leave when a limit is passed. Its frame's memory is kept. */
  push(message: ChannelMessage): void {
    const { frame } = message;
    if (this.#size === this.#limits.maxMessages) this.#shift();
    const slot = this.#slot(this.#size);
    this.#memory[slot] = frame.buffer;
    this.#starts[slot] = frame.byteOffset;
    this.#lengths[slot] = frame.length;
    this.#size++;
    this.#bytes += frame.length;
    while (this.#bytes > this.#limits.maxBytes && this.#size > 1) this.#shift();
  }

  /** Whether `position` is `base` or a message held. */
  holds(position: Offset): boolean {
    return this.#indexOf(position) !== undefined;
  }

  /** The messages after `position`, oldest first; `undefined` when it is not held. */
  after(position: Offset): readonly ChannelMessage[] | undefined {
    const index = this.#indexOf(position);
    if (index === undefined) return undefined;
    return Array.from({ length: this.#size - index - 1 }, (_, at) => this.#message(index + 1 + at));
  }

  /** Forgets everything and begins again at `base`. */
  reset(base: Offset): void {
    while (this.#size > 0) this.#shift();
    this.#leftMemory = NOWHERE;
    this.#base = base;
  }

  #shift(): void {
    const slot = this.#first;
    this.#leftMemory = this.#memory[slot] ?? NOWHERE;
    this.#leftStart = this.#starts[slot] ?? 0;
    this.#base = undefined;
    this.#memory[slot] = NOWHERE;
    this.#bytes -= this.#lengths[slot] ?? 0;
    this.#first = this.#slot(1);
    this.#size--;
  }

  /** The slot of the message at `index`, counted from the oldest. */
  #slot(index: number): number {
    return (this.#first + index) % this.#limits.maxMessages;
  }

  #message(index: number): ChannelMessage {
    const slot = this.#slot(index);
    const frame = Buffer.from(this.#memory[slot] ?? NOWHERE, this.#starts[slot], this.#lengths[slot]);
    return new ChannelMessage(this.#offset(index), frame, this.#bodyAt);
  }

  #offset(index: number): Offset {
    const slot = this.#slot(index);
    return this.#readOffset(this.#memory[slot] ?? NOWHERE, this.#starts[slot] ?? 0);
  }

  #readOffset(memory: ArrayBufferLike, start: number): Offset {
    return Buffer.from(memory, start + this.#bodyAt + OFFSET_AT, OFFSET_LENGTH).toString('latin1');
  }

  /** Counted from the oldest, which is 0; -1 is the base. */
  #indexOf(position: Offset): number | undefined {
    // Nearly everybody asks for one of the newest: steps that double from there, then halves.
    let high = this.#size - 1;
    let step = 1;
    while (high - step >= 0 && position < this.#offset(high - step + 1)) {
      high -= step;
      step *= 2;
    }
    let low = Math.max(0, high - step + 1);
    while (low <= high) {
      const middle = (low + high) >> 1;
      const offset = this.#offset(middle);
      if (offset === position) return middle;
      if (offset < position) low = middle + 1;
      else high = middle - 1;
    }
    return position === this.base ? -1 : undefined;
  }
}
