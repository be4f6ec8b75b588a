// Asks for what a limit counts, and the slow reference beside it: what passes, what is refused, and what is told of that.

import { expect } from 'vitest';
import type { RateLimitConfig } from '../../src/limits/create-rate-limiter.js';
import { type Asked, fits } from '../unit/limits/reference.js';

/** What every limit of a table is: three a minute. */
export const TABLE_RATE = { units: 3, perMs: 60_000 };
/** Somewhere in a window. */
export const TABLE_START_MS = 1_800_000_010_000;

/** What a client was told. */
export interface Told {
  readonly allowed: boolean;
  readonly retryAfterMs?: number;
  /** Of an answer by HTTP that was refused. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

/** Asks once more, for one unit. */
export type Attempt = () => Promise<Told>;

export interface Limited {
  readonly name: string;
  /** Units that are spent before the first attempt. */
  readonly spentBefore: number;
}

export class LimitPlayer {
  readonly clock: { nowMs: number };
  readonly #name: string;
  readonly #config: RateLimitConfig;
  readonly #attempt: Attempt;
  readonly #history: Asked[] = [];

  constructor(limited: Limited, config: RateLimitConfig, clock: { nowMs: number }, attempt: Attempt) {
    this.#name = limited.name;
    this.#config = config;
    this.clock = clock;
    this.#attempt = attempt;
    for (let n = 0; n < limited.spentBefore; n++) this.#history.push({ atMs: clock.nowMs, cost: 1, allowed: true });
  }

  /** Once; answers whether it passed, and when it would have. */
  async ask(): Promise<Told> {
    const { nowMs } = this.clock;
    const wanted = fits(this.#config, this.#history, 1, nowMs);
    const told = await this.#attempt();
    expect(told.allowed, `at ${nowMs - TABLE_START_MS} ms`).toBe(wanted);
    this.#history.push({ atMs: nowMs, cost: 1, allowed: told.allowed });
    if (!told.allowed) this.#judge(told);
    return told;
  }

  /** What was refused passes when it was told, and not before. */
  #judge({ retryAfterMs = Number.NaN, headers }: Told): void {
    const { nowMs } = this.clock;
    expect(Number.isFinite(retryAfterMs)).toBe(true);
    expect(fits(this.#config, this.#history, 1, nowMs + retryAfterMs)).toBe(true);
    expect(fits(this.#config, this.#history, 1, nowMs + retryAfterMs - 2)).toBe(false);
    if (headers === undefined) return;
    const seconds = Math.ceil(retryAfterMs / 1_000);
    expect(headers).toMatchObject({
      'retry-after': String(seconds),
      ratelimit: `"${this.#name}";r=0;t=${seconds}`,
      'ratelimit-policy': `"${this.#name}";q=3;w=60`,
    });
  }

  /** Until it is refused; answers how many passed and what the refusal said. */
  async untilRefused(): Promise<{ readonly passed: number; readonly retryAfterMs: number }> {
    for (let passed = 0; passed < 10; passed++) {
      const told = await this.ask();
      if (!told.allowed) return { passed, retryAfterMs: told.retryAfterMs ?? Number.NaN };
    }
    throw new Error('nothing was refused');
  }

  /** Until it is refused, then when it was told, and minutes later: all of it is back then, and no more than that. */
  async playThrough(spentBefore: number): Promise<void> {
    const first = await this.untilRefused();
    expect(first.passed).toBe(TABLE_RATE.units - spentBefore);
    this.clock.nowMs += first.retryAfterMs;
    expect((await this.ask()).allowed).toBe(true);
    this.clock.nowMs += 5 * 60_000;
    expect((await this.untilRefused()).passed).toBe(TABLE_RATE.units);
    this.clock.nowMs += 25_000;
    await this.ask();
  }
}
