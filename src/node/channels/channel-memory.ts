// What a channel keeps in memory of what has passed: nothing, until somebody may ask for it.

import type { LogEntry } from '../../broker/broker.js';
import type { Offset } from '../../protocol/index.js';
import { type ChannelMessage, type FrameAllocator, fleetingFrames } from './message.js';
import { MessageRing, type RingLimits } from './ring.js';

/** How old a message may be that is handed out from memory; kept by the owner of all channels. */
export interface HistoryAge {
  /** What sorts before it has aged away, by the node's clock: only the log can tell. */
  oldest: Offset;
}

export interface ChannelMemoryParts {
  readonly ringLimits: RingLimits;
  /** Shared by all channels whose messages live as long. */
  readonly age: HistoryAge;
}

/**
 * The log has everything: one link that follows a channel of its own needs no copy of it, and thousands of such channels are the
 * commonest case. A second reader, a poll, or a follower that is behind does.
 */
export class ChannelMemory {
  readonly #parts: ChannelMemoryParts;
  #ring: MessageRing | undefined;
  #keeps = false;
  /** Followers that are behind: as long as there are, what passes is kept for them. */
  #behind = 0;

  constructor(parts: ChannelMemoryParts) {
    this.#parts = parts;
  }

  /** From now on messages are kept as they pass. Idempotent. */
  keep(): void {
    this.#keeps = true;
  }

  /** A follower reads the log, and will meet what passes meanwhile. Ended by {@link caughtUp}. */
  followed(): void {
    this.#behind++;
  }

  caughtUp(): void {
    this.#behind--;
    if (this.#behind > 0 || this.#keeps) return;
    this.forget();
    this.#ring = undefined;
  }

  /** Whether everything after `position` is here, and none of it too old to be handed out. */
  holds(position: Offset): boolean {
    return this.#aged(position)?.holds(position) ?? false;
  }

  /** Whether nothing that comes after `position` is too old to be handed out. */
  isFresh(position: Offset): boolean {
    return position >= this.#parts.age.oldest;
  }

  /** As {@link MessageRing.after}; `undefined` when the position is not here. */
  after(position: Offset, maxMessages: number, maxBytes: number): readonly ChannelMessage[] | undefined {
    return this.#aged(position)?.after(position, maxMessages, maxBytes);
  }

  /** Where the frame goes of the message that follows `position`; in all frames of a channel the body begins at `bodyAt`. */
  framesAfter(position: Offset, bodyAt: number): FrameAllocator {
    if (!this.#keeps && this.#behind === 0) return fleetingFrames;
    this.#ring ??= new MessageRing(this.#parts.ringLimits, bodyAt, position);
    return this.#ring;
  }

  /** Keeps what was read from the log, where it reaches what is here or else `position`: who asks for the same finds it. */
  precede(entries: readonly LogEntry[], position: Offset, prefix: string): void {
    if (!this.#keeps || entries.length === 0) return;
    this.#ring ??= new MessageRing(this.#parts.ringLimits, prefix.length, position);
    this.#ring.precede(entries, prefix);
  }

  /** Begins again at `position`. */
  reset(position: Offset): void {
    this.#ring?.reset(position);
  }

  /** Gives back its memory. */
  forget(): void {
    this.#ring?.forget();
  }

  /** The ring, without what is too old where `position` lies so far back. */
  #aged(position: Offset): MessageRing | undefined {
    const { oldest } = this.#parts.age;
    if (position < oldest) this.#ring?.dropBefore(oldest);
    return this.#ring;
  }
}
