// Repeats what depends on something that may be away, with growing pauses that can be cut short.

import { after } from './timers.js';

export interface RetrierOptions {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Hears of each failed step. */
  readonly onFailure: (error: unknown) => void;
}

/** What a caller makes of a failed step: it throws to give up, or answers by how much to lengthen the pause (1: not at all). */
export type FailureJudge = (error: unknown) => number;

const PATIENT: FailureJudge = () => 1;

/** Owns the timers of all its waiting retries. */
export class Retrier {
  readonly #options: RetrierOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: RetrierOptions) {
    this.#options = options;
  }

  /**
   * Runs `step` until it succeeds and answers its value, or `undefined` as soon as `isOver()` is seen to hold. Rejects
   * with what `judge` throws.
   */
  async persist<T>(step: () => Promise<T>, isOver: () => boolean, judge = PATIENT): Promise<T | undefined> {
    for (let pauseMs = this.#options.firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, this.#options.longestPauseMs)) {
      if (isOver()) return undefined;
      let factor = 1;
      try {
        const value = await step();
        return isOver() ? undefined : value;
      } catch (error) {
        this.#options.onFailure(error);
        if (!isOver()) factor = judge(error);
      }
      if (isOver()) return undefined;
      await this.#pause(factor * pauseMs * (0.5 + Math.random() / 2));
    }
  }

  /** Ends every pause now: what was away is back, or nobody wants the answer any more. */
  retryNow(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = after(ms, wake);
      this.#waiting.add(wake);
    });
  }
}
