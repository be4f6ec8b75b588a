// The polls that wait on one channel, in the order in which they came.

import type { GapEvent } from '../../protocol/index.js';
import type { ChannelMessage } from './message.js';

/** A poll that waits on a channel. */
export interface PollWaiter {
  message(channel: string, message: ChannelMessage): void;
  gap(gap: GapEvent): void;
}

/** One poll's place among them. */
export class WaitersPlace {
  readonly waiter: PollWaiter;
  previous: WaitersPlace | undefined;
  next: WaitersPlace | undefined;

  constructor(waiter: PollWaiter, previous: WaitersPlace | undefined) {
    this.waiter = waiter;
    this.previous = previous;
  }
}

/** A list and no set: thousands come and go with each message, and a set grows and shrinks with them. */
export class Waiters {
  #first: WaitersPlace | undefined;
  #last: WaitersPlace | undefined;

  add(waiter: PollWaiter): WaitersPlace {
    const place = new WaitersPlace(waiter, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    return place;
  }

  /** Once for each place. */
  remove(place: WaitersPlace): void {
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  /** Has each told, also where one throws: that is handed to `failed`. */
  tell(say: (waiter: PollWaiter) => void, failed: (error: unknown) => void): void {
    let place = this.#first;
    while (place !== undefined) {
      const { waiter, next } = place;
      try {
        say(waiter);
      } catch (error) {
        failed(error);
      }
      place = next;
    }
  }
}
