// What a channel of the test server has been told, as a broker keeps it: messages of which the oldest may be gone.

import type { After, Begin, Json, Offset, PolledGap, PolledMessage } from '../../src/protocol/index.js';

/** Where a reader is let in, and what it is told first. */
export interface Entry {
  /** The number of the message before the first that follows. */
  readonly at: number;
  readonly gap?: PolledGap;
}

/** Where a subscription begins, which asks for a pace perhaps: that there is none here is no message more or less. */
export const beginIn = (place: After | { readonly after?: After; readonly last?: number }): Begin => {
  if (typeof place === 'string') return place;
  return place.last === undefined ? (place.after ?? 'now') : { last: place.last };
};

type Held = PolledMessage & { readonly offset: Offset };

export class Log {
  /** The number of the newest message, and of the oldest that is kept. */
  tail = 0;
  first = 1;
  readonly #messages = new Map<number, Held>();
  #ms = 1_000_000_000_000;

  /** Time never goes back here, whatever the clock does. */
  add(nowMs: number, data: Json, from: PolledMessage['from'], keep: number): Held {
    this.#ms = Math.max(this.#ms, Math.floor(nowMs));
    const message = { offset: this.#format(++this.tail), data, ...(from && { from }) };
    this.#messages.set(this.tail, message);
    this.trim(keep);
    return message;
  }

  trim(keep: number): void {
    this.first = Math.max(this.first, this.tail - keep + 1);
    // The one before the first is where readers are let in.
    for (const n of this.#messages.keys()) if (n < this.first - 1) this.#messages.delete(n);
  }

  /** The position after a message; those before the first message have one too. */
  offset(n: number): Offset {
    return this.#messages.get(n)?.offset ?? this.#format(n, 1_000_000_000_000);
  }

  #format(n: number, ms = this.#ms): Offset {
    return `${ms}-${String(n).padStart(16, '0')}`;
  }

  enter(begin: Begin): Entry {
    if (typeof begin === 'object') return { at: Math.max(this.first - 1, this.tail - begin.last) };
    if (begin === 'now') return { at: this.tail };
    if (begin === '-1') return { at: this.first - 1 };
    const at = Number(begin.slice(14));
    if (at > this.tail) return { at: this.tail, gap: this.#gap(begin, this.tail, 'rewritten') };
    if (at >= this.first - 1) return { at };
    return { at: this.first - 1, gap: this.#gap(begin, this.first - 1, 'trimmed') };
  }

  #gap(after: After, at: number, reason: PolledGap['reason']): PolledGap {
    return { after, offset: this.offset(at), reason };
  }

  /** The messages after one. */
  after(at: number): Held[] {
    return [...this.#messages].filter(([n]) => n > at).map(([, message]) => message);
  }
}
