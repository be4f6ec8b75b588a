// What waits until uWebSockets.js has taken all that it read from a connection.

import { contained, soon } from '../../../lib/timers.js';

/**
 * uWebSockets.js hands over one request after the other while it reads, and cuts the connection at one that stands behind a
 * request which has not been answered. So nothing is done for a request before that has been seen: then it is the only one.
 */
export class Turn {
  #waiting: (() => void)[] = [];

  add(run: () => void): void {
    this.#waiting.push(run);
    if (this.#waiting.length === 1) soon(() => this.#run());
  }

  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) contained(run);
  }
}
