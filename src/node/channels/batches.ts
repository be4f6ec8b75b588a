// Joins what is published on a topic within one turn into frames that hold several messages, for sockets that asked for it.

import { soon } from '../../lib/timers.js';
import type { PublishToTopic } from './encoding.js';

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;
const LEAST_BYTES = 1_024;

/** The messages of one topic that wait for the end of the turn. */
export class Batch {
  readonly #topic: string;
  readonly #owner: Batches;
  #memory: Buffer | undefined;
  #used = 0;
  #count = 0;
  /** Something was published on it in this turn: what follows waits. */
  isOpen = false;

  constructor(topic: string, owner: Batches) {
    this.#topic = topic;
    this.#owner = owner;
  }

  /** Takes a frame, copied. The first of a turn goes at once and as it is: a message that comes alone waits for nothing. */
  add(frame: Buffer): void {
    const { maxBytes } = this.#owner;
    if (!this.isOpen) {
      this.#owner.open(this);
      return this.#owner.publish(this.#topic, frame);
    }
    // A bracket or a comma before each, and a bracket behind.
    const bytes = frame.length + 1;
    if (this.#used + bytes + 1 > maxBytes) this.flush();
    if (bytes + 1 > maxBytes) return this.#owner.publish(this.#topic, frame);
    const memory = this.#room(bytes + 1);
    memory[this.#used] = this.#count === 0 ? OPEN : COMMA;
    frame.copy(memory, this.#used + 1);
    this.#used += bytes;
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
    if (!isOne) memory[used] = CLOSE;
    this.#owner.publish(this.#topic, isOne ? memory.subarray(1, used) : memory.subarray(0, used + 1));
  }

  /** The turn is over: an idle topic keeps no memory. */
  end(): void {
    this.isOpen = false;
    this.flush();
    this.#memory = undefined;
  }

  #room(bytes: number): Buffer {
    const needed = this.#used + bytes;
    const { maxBytes } = this.#owner;
    if (this.#memory !== undefined && this.#memory.length >= needed) return this.#memory;
    const grown = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(needed * 2, LEAST_BYTES)));
    this.#memory?.copy(grown, 0, 0, this.#used);
    this.#memory = grown;
    return grown;
  }
}

/** All batches of a node. */
export class Batches {
  readonly publish: PublishToTopic;
  /** Of one frame. */
  readonly maxBytes: number;
  readonly #failed: (error: unknown) => void;
  #opened: Batch[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  /** `failed` hears what publishing throws at the end of a turn. */
  constructor(publish: PublishToTopic, maxBytes: number, failed: (error: unknown) => void) {
    this.publish = publish;
    this.maxBytes = maxBytes;
    this.#failed = failed;
  }

  /** For sockets of one topic. */
  of(topic: string): Batch {
    return new Batch(topic, this);
  }

  /** Publishes all that waits now: to be called before something is sent to one socket alone. */
  flush(): void {
    for (const batch of this.#opened) batch.flush();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#opened = [];
  }

  /** Called by a batch: its messages wait for the end of the turn. */
  open(batch: Batch): void {
    batch.isOpen = true;
    this.#opened.push(batch);
    this.#scheduled ??= soon(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#scheduled = undefined;
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
