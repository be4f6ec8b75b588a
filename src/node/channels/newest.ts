// The newest message of each kind of one channel, kept once for all who are not sent every message.

import type { Offset } from '../../protocol/index.js';
import { rawMember } from '../../protocol/raw-member.js';
import { ChannelMessage } from './message.js';

/** Chosen: kinds of messages that one channel is kept of, and their bytes; beyond it the oldest is let go. */
const MAX_KINDS = 1_024;
const MAX_BYTES = 1024 * 1024;
/** Places of messages that newer ones replaced, before they are cleared away. */
const SPARE = 64;
const SPARE_BYTES = 64 * 1024;

export interface KeptMessage {
  /** Counts all messages of the channel, replaced ones too: what lies between two numbers was left out. */
  readonly number: number;
  readonly message: ChannelMessage;
  /** The position before it. */
  readonly previous: Offset;
  readonly kind: string;
  isNewest: boolean;
}

/** Bytes that are kept for one link alone, of all its channels; shared by them. */
export interface Held {
  bytes: number;
}

/** In the order of their offsets. Memory: a copy of each kind's newest frame, and of as many bytes of those that newer ones replaced. */
export class Newest {
  /** Of the last message. */
  number = 0;
  readonly #member: string;
  readonly #byKind = new Map<string, KeptMessage>();
  #kept: KeptMessage[] = [];
  #bytes = 0;
  /** Of those that newer ones replaced and that have not been cleared away. */
  #spareBytes = 0;
  #position: Offset;
  readonly #held: Held | undefined;

  /**
   * `member` of a message's data says its kind; '' has all of them one kind. `position` is that before the first message. `held` counts it where
   * it is one link's own, and bounds it with the others of that link.
   */
  constructor(member: string, position: Offset, held?: Held) {
    this.#member = member;
    this.#position = position;
    this.#held = held;
  }

  /** It is needed no more: what it has is counted no longer. */
  release(): void {
    if (this.#held !== undefined) this.#held.bytes -= this.#bytes;
  }

  /** A logged message. */
  add({ offset, frame, bodyAt }: ChannelMessage): void {
    if (offset === undefined) return;
    const copy = new ChannelMessage(offset, Buffer.from(frame), bodyAt);
    const kind = this.#kindOf(copy);
    const older = this.#byKind.get(kind);
    if (older !== undefined) this.#drop(older);
    this.number++;
    const entry: KeptMessage = {
      number: this.number,
      message: copy,
      previous: this.#position,
      kind,
      isNewest: true,
    };
    this.#position = offset;
    this.#byKind.set(kind, entry);
    this.#kept.push(entry);
    this.#count(copy.frame.length);
    this.#stayBounded();
  }

  /** From here on messages follow `position`. */
  skipTo(position: Offset): void {
    this.#position = position;
  }

  /** The oldest that is still the newest of its kind, of those behind `number`. */
  after(number: number): KeptMessage | undefined {
    for (let index = this.#indexAfter(number); index < this.#kept.length; index++) {
      const entry = this.#kept[index];
      if (entry?.isNewest) return entry;
    }
    return undefined;
  }

  /** How many there are behind `number`, as far as `most`. */
  countAfter(number: number, most: number): number {
    let count = 0;
    for (let index = this.#indexAfter(number); index < this.#kept.length && count < most; index++) {
      if (this.#kept[index]?.isNewest) count++;
    }
    return count;
  }

  /** Whether there is a newer one of this kind behind `number`. */
  hasNewer(kind: string, number: number): boolean {
    const entry = this.#byKind.get(kind);
    return entry !== undefined && entry.number > number;
  }

  #kindOf(message: ChannelMessage): string {
    if (this.#member === '') return '';
    const data = rawMember(message.pollText(), 'data');
    return data?.startsWith('{') ? (rawMember(data, this.#member) ?? '') : '';
  }

  #drop(entry: KeptMessage): void {
    entry.isNewest = false;
    this.#byKind.delete(entry.kind);
    this.#count(-entry.message.frame.length);
    this.#spareBytes += entry.message.frame.length;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#held !== undefined) this.#held.bytes += bytes;
  }

  #isTooMuch(): boolean {
    return (this.#held?.bytes ?? this.#bytes) > MAX_BYTES;
  }

  #stayBounded(): void {
    while (this.#byKind.size > MAX_KINDS || (this.#isTooMuch() && this.#byKind.size > 1)) {
      const [oldest] = this.#byKind.values();
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
    const isSparse = this.#kept.length > SPARE + 2 * this.#byKind.size;
    if (!isSparse && this.#spareBytes <= SPARE_BYTES + this.#bytes) return;
    this.#kept = this.#kept.filter(({ isNewest }) => isNewest);
    this.#spareBytes = 0;
  }

  #indexAfter(number: number): number {
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept[middle]?.number ?? 0) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
