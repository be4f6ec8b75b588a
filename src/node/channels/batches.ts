// Joins the messages of one topic that are read at once into frames that hold several of them, for sockets that asked for it.

import { atEndOfCallback } from '../../lib/timers.js';
import type { Offset } from '../../protocol/index.js';
import { writeBrief } from './brief.js';
import type { ChannelMessage } from './message.js';

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

/** Where the frames of a batch go. */
export interface BatchTarget {
  send(frame: Buffer): void;
}

/** The messages of one topic that have come since the event loop last called. */
export class Batch {
  readonly #target: BatchTarget;
  readonly #owner: Batches;
  readonly #isBrief: boolean;
  #memory: Buffer | undefined;
  #used = 0;
  #count = 0;
  /** The last offset in the frame that is being filled. */
  #last: Offset | undefined;
  /** It stands in the list of those that are published next. */
  isOpen = false;

  constructor(target: BatchTarget, owner: Batches, isBrief: boolean) {
    this.#target = target;
    this.#owner = owner;
    this.#isBrief = isBrief;
  }

  /** Takes a message, copied. It leaves before the event loop does anything else: one that comes alone waits for nothing. */
  add(message: ChannelMessage): void {
    const { frame } = message;
    const { maxBytes } = this.#owner;
    if (!this.isOpen) this.#owner.open(this);
    // A bracket or a comma before each, and a bracket behind.
    const bytes = frame.length + 1;
    if (this.#used + bytes + 1 > maxBytes) this.flush();
    if (bytes + 1 > maxBytes) return this.#target.send(frame);
    const memory = this.#room(bytes + 1);
    const isFirst = this.#count === 0;
    memory[this.#used++] = isFirst ? OPEN : COMMA;
    if (isFirst || !this.#isBrief) this.#used += frame.copy(memory, this.#used);
    else this.#used += writeBrief(message, this.#last, memory, this.#used);
    if (this.#isBrief) this.#last = message.offset ?? this.#last;
    this.#count++;
  }

  /** Publishes what waits: one message as it is, several as an array. */
  flush(): void {
    const memory = this.#memory;
    if (this.#count === 0 || memory === undefined) return;
    const used = this.#used;
    const isOne = this.#count === 1;
    this.#used = 0;
    this.#count = 0;
    this.#last = undefined;
    if (!isOne) memory[used] = CLOSE;
    this.#target.send(isOne ? memory.subarray(1, used) : memory.subarray(0, used + 1));
  }

  /** An idle topic keeps no memory. */
  end(): void {
    this.isOpen = false;
    this.flush();
    this.#memory = undefined;
  }

  /** Mostly there is one message: it gets what it needs, and more gets twice that. */
  #room(bytes: number): Buffer {
    const needed = this.#used + bytes;
    const { maxBytes } = this.#owner;
    if (this.#memory !== undefined && this.#memory.length >= needed) return this.#memory;
    const grown = Buffer.allocUnsafe(Math.min(maxBytes, this.#used === 0 ? needed : needed * 2));
    this.#memory?.copy(grown, 0, 0, this.#used);
    this.#memory = grown;
    return grown;
  }
}

/** All batches of a node. */
export class Batches {
  /** Of one frame. */
  readonly maxBytes: number;
  readonly #failed: (error: unknown) => void;
  #opened: Batch[] = [];

  /** `failed` hears what publishing throws. */
  constructor(maxBytes: number, failed: (error: unknown) => void) {
    this.maxBytes = maxBytes;
    this.#failed = failed;
  }

  /** For sockets of one topic. `isBrief`: what messages of a frame have in common stands in it once. */
  of(target: BatchTarget, isBrief: boolean): Batch {
    return new Batch(target, this, isBrief);
  }

  /** Publishes all that waits now: to be called before something is sent to one socket alone. */
  flush(): void {
    for (const batch of this.#opened) batch.flush();
  }

  close(): void {
    this.#opened = [];
  }

  /** Called by a batch whose first message has come. What leaves then is sent by the engine in the same turn, in one piece with what else it has for a socket. */
  open(batch: Batch): void {
    batch.isOpen = true;
    if (this.#opened.push(batch) === 1) atEndOfCallback(() => this.#endAll());
  }

  #endAll(): void {
    const opened = this.#opened;
    this.#opened = [];
    for (const batch of opened) {
      try {
        batch.end();
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
