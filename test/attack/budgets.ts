// What a target was given to spend, looked at while it is attacked.

import type { Target } from '../gun/target.js';

const MIB = 1024 * 1024;
const LOOK_EVERY_MS = 500;

/** Each figure with the budget that bounds it. */
const FIGURES = [
  { metric: 'process_resident_memory_bytes', text: 'resident', mib: 512 },
  { metric: 'fanfare_buffered_bytes', text: 'buffered', mib: 64 },
  { metric: 'fanfare_history_bytes', text: 'of history', mib: 32 },
] as const;

/** Looks from when it is made until it is asked. */
export class Budgets {
  static readonly ENVIRONMENT = {
    FANFARE_MAX_MEMORY_BYTES: `${FIGURES[0].mib}mb`,
    FANFARE_MAX_BUFFERED_TOTAL: `${FIGURES[1].mib}mb`,
    FANFARE_MAX_HISTORY_MEMORY: `${FIGURES[2].mib}mb`,
  };

  readonly #target: Target;
  readonly #most = new Map<string, number>();
  #isOver = false;
  readonly #looking: Promise<void>;

  constructor(target: Target) {
    this.#target = target;
    this.#looking = this.#look();
  }

  /** Ends it; resolves with what was over its budget. */
  async exceeded(): Promise<readonly string[]> {
    this.#isOver = true;
    await this.#looking;
    return FIGURES.filter(({ metric, mib }) => !((this.#most.get(metric) ?? Number.NaN) <= mib)).map(
      ({ metric, text, mib }) => `${this.#mibOf(metric)} MiB ${text}, where ${mib} are allowed`,
    );
  }

  told(): string {
    return `at most ${FIGURES.map(({ metric, text }) => `${this.#mibOf(metric)} MiB ${text}`).join(', ')}`;
  }

  #mibOf(metric: string): string {
    return (this.#most.get(metric) ?? Number.NaN).toFixed(0);
  }

  async #look(): Promise<void> {
    do {
      const figures = await this.#target.figures(FIGURES.map(({ metric }) => metric)).catch(() => []);
      FIGURES.forEach(({ metric }, n) => {
        const mib = (figures[n] ?? 0) / MIB;
        if (figures[n] !== undefined) this.#most.set(metric, Math.max(mib, this.#most.get(metric) ?? 0));
      });
      if (!this.#isOver) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    } while (!this.#isOver);
  }
}
