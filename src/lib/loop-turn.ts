// Tells turns of the event loop apart, for what may be done at once the first time and waits for the end of the turn the next.

import { soon } from './timers.js';

export class LoopTurn {
  #number = 0;
  #isCounted = false;

  /** The same within a turn, another in the next. */
  number(): number {
    if (!this.#isCounted) {
      this.#isCounted = true;
      soon(() => {
        this.#isCounted = false;
        this.#number++;
      });
    }
    return this.#number;
  }
}
