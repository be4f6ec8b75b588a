// How late the event loop is: a task that now and then looks by how much it was.

import { monotonicNowMs } from './clocks.js';
import { Histogram } from './histogram.js';
import { type PeriodicTask, periodically } from './periodic-tasks.js';
import { atEndOfCallback } from './timers.js';

/**
 * Chosen: four times a second. What comes at any moment waits as long as this task does, so a sample says what all of it waits;
 * Node's own monitor wakes a process a hundred times a second, which costs an idle node more than ten thousand links do.
 */
const EVERY_MS = 250;

/** Owns its task, which keeps no process alive. */
export class LoopDelay {
  readonly #delays = new Histogram();
  #task: PeriodicTask | undefined;

  start(): void {
    this.close();
    this.#task = periodically(EVERY_MS, (dueMs) => this.#look(dueMs)).unref();
  }

  /** Idempotent. */
  close(): void {
    this.#task?.stop();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#delays.stats('loopDelay');
  }

  /** Other tasks of the process run at the same moment, before or after this one: what comes then waits for all of them. */
  #look(dueMs: number): void {
    atEndOfCallback(() => this.#delays.add(monotonicNowMs() - dueMs));
  }
}
