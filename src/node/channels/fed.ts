// The listeners of one channel that are sent messages one by one, each at its own pace, beside the topics of all others.

import type { GapEvent, Offset } from '../../protocol/index.js';
import type { ChannelMessage } from './message.js';
import { Newest } from './newest.js';

/** A link that is paced, or whose messages may be left out. */
export interface FedListener {
  /** `number` is that of {@link Newest}, where the channel keeps it. */
  message(message: ChannelMessage): void;
  gap(gap: GapEvent): void;
}

export class Fed {
  readonly #listeners = new Set<FedListener>();
  #newest: Newest | undefined;

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: FedListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: FedListener): void {
    this.#listeners.delete(listener);
  }

  /** What the channel keeps for those who are not sent everything; begun by the first of them. */
  newest(member: string, position: Offset): Newest {
    this.#newest ??= new Newest(member, position);
    return this.#newest;
  }

  message(message: ChannelMessage, failed: (error: unknown) => void): void {
    this.#newest?.add(message);
    this.#tell((listener) => listener.message(message), failed);
  }

  gap(gap: GapEvent, failed: (error: unknown) => void): void {
    this.#tell((listener) => listener.gap(gap), failed);
    this.#newest?.skipTo(gap.offset);
  }

  /** A listener may leave, or come again, while it is told. */
  #tell(tell: (listener: FedListener) => void, failed: (error: unknown) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        tell(listener);
      } catch (error) {
        failed(error);
      }
    }
  }
}
