// The newest messages of one channel, bounded in count and bytes, with the position before the oldest.

import type { Offset } from '../protocol/index.js';
import { ChannelMessage } from './channel-message.js';

const EMPTY = new ChannelMessage(undefined, undefined, Buffer.alloc(0), 0);

export interface RingLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** A contiguous run of the log: `base`, then each message the successor of the one before it. */
export class MessageRing {
  readonly #limits: RingLimits;
  #messages: ChannelMessage[] = [];
  #first = 0;
  #bytes = 0;
  #base: Offset;

  /** An empty run at position `base`. */
  constructor(limits: RingLimits, base: Offset) {
    this.#limits = limits;
    this.#base = base;
  }

  /** The position before the oldest message held. */
  get base(): Offset {
    return this.#base;
  }

  get size(): number {
    return this.#messages.length - this.#first;
  }

  /** Adds the successor of the newest message; the oldest leave when a limit is passed. */
  push(message: ChannelMessage): void {
    this.#messages.push(message);
    this.#bytes += message.frame.length;
    while (this.size > this.#limits.maxMessages || (this.#bytes > this.#limits.maxBytes && this.size > 1))
      this.#shift();
  }

  /** Whether `position` is `base` or a message held. */
  holds(position: Offset): boolean {
    return position === this.#base || this.#indexOf(position) !== -1;
  }

  /** The messages after `position`, oldest first; `undefined` when it is not held. */
  after(position: Offset): readonly ChannelMessage[] | undefined {
    if (position === this.#base) return this.#messages.slice(this.#first);
    const index = this.#indexOf(position);
    return index === -1 ? undefined : this.#messages.slice(index + 1);
  }

  /** Forgets everything and begins again at `base`. */
  reset(base: Offset): void {
    this.#messages = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#base = base;
  }

  #shift(): void {
    const oldest = this.#messages[this.#first] as ChannelMessage;
    this.#base = oldest.offset as Offset;
    this.#bytes -= oldest.frame.length;
    this.#first++;
    if (this.#first >= 32 && this.#first * 2 >= this.#messages.length) {
      this.#messages = this.#messages.slice(this.#first);
      this.#first = 0;
    } else {
      // The slot must not keep the frame alive until the next compaction.
      this.#messages[this.#first - 1] = EMPTY;
    }
  }

  #indexOf(position: Offset): number {
    let low = this.#first;
    let high = this.#messages.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const offset = (this.#messages[middle] as ChannelMessage).offset as Offset;
      if (offset === position) return middle;
      if (offset < position) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
