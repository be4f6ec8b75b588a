// Lets a bounded number of tasks run at once; the others wait for their turn.

/** Tasks run in the order in which they asked. */
export class Turns {
  readonly #max: number;
  readonly #patienceMs: number;
  #running = 0;
  /** Who waits begins at `#first`: taking one off the front of a long array would move all the others. */
  #waiting: (() => void)[] = [];
  #first = 0;

  /** A task that takes longer than `patienceMs` goes on without its turn: what hangs holds up nobody else for long. */
  constructor(max: number, patienceMs = Number.POSITIVE_INFINITY) {
    this.#max = max;
    this.#patienceMs = patienceMs;
  }

  /** Runs `task` when it is its turn; answers what it answers. */
  async take<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    let hasTurn = true;
    const giveBack = () => {
      if (!hasTurn) return;
      hasTurn = false;
      const next = this.#next();
      if (next === undefined) this.#running--;
      else next();
    };
    const timer = Number.isFinite(this.#patienceMs) ? setTimeout(giveBack, this.#patienceMs).unref() : undefined;
    try {
      return await task();
    } finally {
      clearTimeout(timer);
      giveBack();
    }
  }

  #next(): (() => void) | undefined {
    const next = this.#waiting[this.#first];
    this.#first = next === undefined ? 0 : this.#first + 1;
    if (next === undefined) this.#waiting = [];
    else if (this.#first >= 1_024 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
