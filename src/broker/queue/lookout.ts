// Says how long an empty queue may be left alone: until Redis tells of a write to it, where Redis does.

import type { KeyWatch } from '../redis/key-watch.js';

/** Chosen: how often an empty queue is looked at where Redis does not tell; ten reads per second and cluster. */
export const IDLE_MS = 100;
/** Chosen: where Redis does, how often the lease is looked after, and how often the queue is looked at all the same. */
const WATCHED_IDLE_MS = 1_000;
const LOOK_ANYWAY_MS = 2_000;

/** What tells of writes to the queue. */
export type QueueWatch = Pick<KeyWatch, 'stands' | 'start' | 'close'>;

export class Lookout {
  readonly #watch: QueueWatch | undefined;
  readonly #tell: () => void;
  /** Whether the queue may have been written to since the last look began. */
  #isWritten = true;
  #lookedAtMs = 0;

  /** `written` is called after each write that Redis tells of. */
  constructor(watch: QueueWatch | undefined, written: () => void) {
    this.#watch = watch;
    this.#tell = () => {
      this.#isWritten = true;
      written();
    };
  }

  /** Only who has the lease needs one: it costs a connection. Idempotent, as is `close`. */
  open(): void {
    this.#watch?.start(this.#tell);
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  /** A look begins. */
  looks(): void {
    this.#isWritten = false;
    this.#lookedAtMs = performance.now();
  }

  /** Whether there is nothing in the queue that was not there at the last look. */
  get isCalm(): boolean {
    if (this.#isWritten || this.#watch?.stands !== true) return false;
    return performance.now() - this.#lookedAtMs < LOOK_ANYWAY_MS;
  }

  /** How long to wait at the end of the queue: what was written during the look is looked for at once. */
  get idleMs(): number {
    if (this.#watch?.stands !== true) return IDLE_MS;
    return this.#isWritten ? 0 : WATCHED_IDLE_MS;
  }
}
