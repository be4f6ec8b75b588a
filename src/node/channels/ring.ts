// The newest messages of one channel, bounded in count and bytes, with the position before the oldest.

import type { LogEntry } from '../../broker/broker.js';
import { OFFSET_LENGTH, type Offset } from '../../protocol/index.js';
import type { Forgettable, HistoryMemory } from './history-memory.js';
import { buildMessage, ChannelMessage, type FrameAllocator, OFFSET_AT, passingFrames } from './message.js';

export interface RingLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Bounds all rings that share it. */
  readonly memory: HistoryMemory;
}

const NO_MEMORY = Buffer.alloc(0);
const SMALLEST_MEMORY = 512;
/** Chosen: memory is made anew with half as much again as it must hold, and when it holds less than a quarter. */
const HEADROOM = 1.5;
const WASTE = 4;

/**
 * A contiguous run of the log: `base`, then each message the successor of the one before it. Frames lie in one piece of memory
 * that is used round and round, and no object is kept per message: with thousands of channels, objects and fresh memory cost
 * more than all the rest of a delivery (measured).
 */
export class MessageRing implements FrameAllocator, Forgettable {
  readonly #limits: RingLimits;
  /** Where in every frame the part begins that differs between messages. */
  readonly #bodyAt: number;
  #memory: Buffer = NO_MEMORY;
  /** Where the next frame goes, if there is room. */
  #end = 0;
  /** Begin and length of each frame, two numbers per slot; slots are used round and round too. */
  readonly #places: number[] = [];
  #first = 0;
  #size = 0;
  #bytes = 0;
  /** `undefined`: it is the offset of the frame before the first, which is kept for that. */
  #base: Offset | undefined;

  /** An empty run at position `base`. */
  constructor(limits: RingLimits, bodyAt: number, base: Offset) {
    this.#limits = limits;
    this.#bodyAt = bodyAt;
    this.#base = base;
  }

  /** The position before the oldest message held. */
  get base(): Offset {
    return this.#base ?? this.#offset(-1);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Room for the frame of the newest message's successor, which is in the ring from now on: whoever asks fills it at once. The
   * oldest leave when a limit is passed; what {@link after} has answered before is no longer good.
   */
  allocate(bytes: number): Buffer {
    const { maxMessages, maxBytes } = this.#limits;
    while (this.#size === maxMessages || (this.#size > 0 && this.#bytes + bytes > maxBytes)) this.#shift();
    const begin = this.#room(bytes);
    const slot = this.#slot(this.#size);
    this.#places[slot] = begin;
    this.#places[slot + 1] = bytes;
    this.#size++;
    this.#bytes += bytes;
    this.#end = begin + bytes;
    return this.#memory.subarray(begin, this.#end);
  }

  /** Whether `position` is `base` or a message held. */
  holds(position: Offset): boolean {
    return this.#indexOf(position) !== undefined;
  }

  /**
   * The messages after `position`, oldest first: at most `maxMessages`, and none that begins beyond `maxBytes` of frames, but at
   * least one if there is one. `undefined` when the position is not held. Good until the next message comes.
   */
  after(position: Offset, maxMessages: number, maxBytes: number): readonly ChannelMessage[] | undefined {
    const index = this.#indexOf(position);
    if (index === undefined) return undefined;
    const messages: ChannelMessage[] = [];
    const end = Math.min(this.#size, index + 1 + maxMessages);
    for (let at = index + 1, bytes = 0; at < end; at++) {
      bytes += this.#length(at);
      if (bytes > maxBytes && messages.length > 0) break;
      messages.push(this.#message(at));
    }
    return messages;
  }

  /**
   * Puts before the oldest what the log has before it: those of `entries` that lead up to {@link base}, the newest first, as far
   * as there is room that no other ring has.
   */
  precede(entries: readonly LogEntry[], prefix: string): void {
    const { maxMessages, maxBytes, memory } = this.#limits;
    const frames: Buffer[] = [];
    let base = this.base;
    let bytes = this.#bytes;
    for (let at = entries.findLastIndex(({ offset }) => offset === base); at >= 0; at--) {
      const entry = entries[at];
      // An entry that was deleted by hand leaves a hole.
      if (entry?.offset !== base || this.#size + frames.length === maxMessages) break;
      const { frame } = buildMessage(prefix, entry, passingFrames);
      bytes += frame.length;
      if (bytes > maxBytes || !memory.hasRoom(Math.ceil(bytes * HEADROOM) - this.#memory.length)) break;
      frames.push(frame);
      base = entry.previous;
    }
    if (frames.length > 0) this.#layOut([...frames.reverse(), ...this.#frames()], base);
  }

  /** Forgets everything and begins again at `base`. */
  reset(base: Offset): void {
    const before = this.#memory.length;
    this.#memory = NO_MEMORY;
    this.#end = 0;
    this.#size = 0;
    this.#bytes = 0;
    this.#base = base;
    this.#limits.memory.resized(this, before, 0);
  }

  /** Gives back its memory; only the newest position is held afterwards. */
  forget(): void {
    this.reset(this.#size > 0 ? this.#offset(this.#size - 1) : this.base);
  }

  /** Lets go of messages that sort before `oldest`. */
  dropBefore(oldest: Offset): void {
    if (this.#size === 0) return;
    while (this.#size > 0 && this.#offset(0) < oldest) this.#shift();
    if (this.#size === 0) this.reset(this.base);
  }

  #shift(): void {
    this.#bytes -= this.#length(0);
    this.#first = (this.#first + 1) % this.#slots;
    this.#size--;
    this.#base = undefined;
  }

  /** Where a frame of `bytes` can lie in one piece. */
  #room(bytes: number): number {
    const oldest = this.#base === undefined ? this.#begin(-1) : this.#size > 0 ? this.#begin(0) : undefined;
    if (oldest === undefined) return this.#renew(bytes);
    const isRound = this.#end <= oldest;
    if (this.#end + bytes <= (isRound ? oldest : this.#memory.length)) return this.#end;
    const isWasteful = this.#memory.length > Math.max(SMALLEST_MEMORY, WASTE * (this.#bytes + bytes));
    return !isRound && bytes <= oldest && !isWasteful ? 0 : this.#renew(bytes);
  }

  /** Moves everything to memory of the right size, with room for `bytes` at the end. */
  #renew(bytes: number): number {
    const oldest = this.#base === undefined ? -1 : 0;
    let needed = bytes;
    for (let index = oldest; index < this.#size; index++) needed += this.#length(index);
    const memory = Buffer.allocUnsafeSlow(Math.max(SMALLEST_MEMORY, Math.ceil(needed * HEADROOM)));
    let at = 0;
    for (let index = oldest; index < this.#size; index++) {
      const begin = this.#begin(index);
      const length = this.#length(index);
      this.#memory.copy(memory, at, begin, begin + length);
      this.#places[this.#slot(index)] = at;
      at += length;
    }
    const before = this.#memory.length;
    this.#memory = memory;
    this.#limits.memory.resized(this, before, memory.length);
    return at;
  }

  #frames(): readonly Buffer[] {
    return Array.from({ length: this.#size }, (_, index) => this.#message(index).frame);
  }

  /** Has these in new memory, and nothing else. */
  #layOut(frames: readonly Buffer[], base: Offset): void {
    const before = this.#memory.length;
    const bytes = frames.reduce((sum, { length }) => sum + length, 0);
    this.#memory = Buffer.allocUnsafeSlow(Math.max(SMALLEST_MEMORY, Math.ceil(bytes * HEADROOM)));
    this.#places.length = 0;
    this.#end = 0;
    for (const frame of frames) {
      frame.copy(this.#memory, this.#end);
      this.#places.push(this.#end, frame.length);
      this.#end += frame.length;
    }
    this.#first = 0;
    this.#size = frames.length;
    this.#bytes = bytes;
    this.#base = base;
    this.#limits.memory.resized(this, before, this.#memory.length);
  }

  /** One more than messages, for the frame that `base` is read from. */
  get #slots(): number {
    return this.#limits.maxMessages + 1;
  }

  /** Where the place of the message at `index` stands, counted from the oldest. */
  #slot(index: number): number {
    return 2 * ((this.#first + index + this.#slots) % this.#slots);
  }

  #begin(index: number): number {
    return this.#places[this.#slot(index)] ?? 0;
  }

  #length(index: number): number {
    return this.#places[this.#slot(index) + 1] ?? 0;
  }

  #message(index: number): ChannelMessage {
    const begin = this.#begin(index);
    const frame = this.#memory.subarray(begin, begin + this.#length(index));
    return new ChannelMessage(this.#offset(index), frame, this.#bodyAt);
  }

  #offset(index: number): Offset {
    const at = this.#begin(index) + this.#bodyAt + OFFSET_AT;
    return this.#memory.toString('latin1', at, at + OFFSET_LENGTH);
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
