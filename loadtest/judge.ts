// Decides what becomes of a window: its numbers count, it is measured again in a quieter moment, or the run is worth nothing.

import type { Measured } from './traffic.js';
import { doubtsOf, faultsOf } from './validity.js';

/** Chosen: a job of the system's that came by is over by then; what lasts longer is no accident. */
export const ATTEMPTS = 6;

export interface JudgeOptions {
  /** Lets numbers of a busy machine or driver pass, marked. */
  readonly allowBusy: boolean;
  /** How often a window is tried when the machine or a driver was busy. */
  readonly attempts: number;
  readonly log: (line: string) => void;
}

export class Judge {
  /** Why the run is worth nothing; empty when it is not. */
  readonly faults: string[] = [];
  /** By name: what is to be said beside numbers that were let pass, and how many windows it was said of. */
  private readonly passed = new Map<string, { readonly doubts: readonly string[]; readonly windows: number }>();
  private readonly options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.options = options;
  }

  /** What is to be said beside numbers that were let pass, a line for each name. */
  get marks(): readonly string[] {
    return [...this.passed].map(
      ([name, { doubts, windows }]) => `${name}: ${windows} windows, the last: ${doubts.join('; ')}`,
    );
  }

  /** Runs a window of messages until its numbers count. `undefined`: they never did, and the reason is among the faults. */
  async sound(name: string, run: () => Promise<Measured>): Promise<Measured | undefined> {
    return this.quietly(name, run, doubtsOf, faultsOf);
  }

  /** The same for a window of any kind: a fault ends it at once, while a doubt may be gone in a quieter moment. */
  async quietly<Window>(
    name: string,
    run: () => Promise<Window>,
    doubtsIn: (window: Window) => readonly string[],
    faultsIn: (window: Window) => readonly string[] = () => [],
  ): Promise<Window | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const window = await run();
      const faults = faultsIn(window);
      const doubts = doubtsIn(window);
      if (faults.length > 0) return this.refuse(name, [...faults, ...doubts]);
      if (doubts.length === 0) return window;
      if (this.options.allowBusy) {
        this.mark(name, doubts);
        return window;
      }
      if (attempt === this.options.attempts) return this.refuse(name, doubts);
      this.options.log(`  again: ${name}: ${doubts.join('; ')}`);
    }
  }

  /** Notes that the run is worth nothing. */
  refuse(name: string, reasons: readonly string[]): undefined {
    for (const reason of reasons) {
      this.faults.push(`${name}: ${reason}`);
      this.options.log(`INVALID: ${name}: ${reason}`);
    }
    return undefined;
  }

  private mark(name: string, doubts: readonly string[]): void {
    this.passed.set(name, { doubts, windows: (this.passed.get(name)?.windows ?? 0) + 1 });
    this.options.log(`  busy: ${name}: ${doubts.join('; ')}`);
  }
}
