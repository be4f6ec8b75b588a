// Whether the registry knows the node: until it does, discovery sends nobody here.

import type { ReadinessCheck } from './node-options.js';

const UNKNOWN = 'the registry has not taken a report yet, and no client is sent here';
const UNHEARD = 'the registry takes no report, and soon no client is sent here';

export class Enrolment {
  #isKnown = false;
  #why: string | undefined;
  #sinceMs = Date.now();

  /** The registry has taken a report. */
  taken(): void {
    if (!this.#isKnown || this.#why !== undefined) this.#sinceMs = Date.now();
    this.#isKnown = true;
    this.#why = undefined;
  }

  /** It has not taken one. */
  failed(error: unknown): void {
    if (this.#why === undefined) this.#sinceMs = Date.now();
    this.#why = error instanceof Error ? error.message : String(error);
  }

  /** A node that was known serves whoever has come to it, also while the registry is away. */
  check(): ReadinessCheck {
    return { name: 'registered', ok: this.#isKnown, sinceMs: this.#sinceMs, detail: this.#detail() };
  }

  #detail(): string {
    if (this.#why !== undefined) return `${this.#isKnown ? UNHEARD : UNKNOWN}: ${this.#why}`;
    return this.#isKnown ? '' : UNKNOWN;
  }
}
