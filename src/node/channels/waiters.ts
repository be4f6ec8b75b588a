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
  /** The next one of those that are being told. */
  #toTell: WaitersPlace | undefined;

  add(waiter: PollWaiter): WaitersPlace {
    const place = new WaitersPlace(waiter, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    return place;
  }

  /**
   * Once for each place, also while they are told. It forgets its neighbours: where the collector of garbage has not come by yet, one
   * that has gone would keep the next one, which has gone too, and so on for all that ever waited.
   */
  remove(place: WaitersPlace): void {
    const { previous, next } = place;
    place.previous = undefined;
    place.next = undefined;
    if (place === this.#toTell) this.#toTell = next;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  /** Has each told, also where one throws: that is handed to `failed`. */
  tell(say: (waiter: PollWaiter) => void, failed: (error: unknown) => void): void {
    this.#toTell = this.#first;
    for (let place = this.#toTell; place !== undefined; place = this.#toTell) {
      this.#toTell = place.next;
      try {
        say(place.waiter);
      } catch (error) {
        failed(error);
      }
    }
  }
}
