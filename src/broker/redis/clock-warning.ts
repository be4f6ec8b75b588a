// Says once that this machine's clock and Redis' differ: tokens are judged by the one, offsets and revocations by the other.

import type { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';

/** Chosen: clocks that NTP keeps differ by milliseconds. */
const TOLERATED_MS = 2_000;
const EVERY_MS = 60_000;

/** Owns its timer. */
export class ClockWarning {
  readonly #logger: Logger;
  readonly #masters: () => readonly Redis[];
  readonly #clock: () => number;
  #timer: PeriodicTask | undefined;
  #isTold = false;

  constructor(logger: Logger, masters: () => readonly Redis[], clock: () => number = Date.now) {
    this.#logger = logger;
    this.#masters = masters;
    this.#clock = clock;
  }

  /** Looks now, and from then on once a minute. Never rejects. */
  async start(): Promise<void> {
    this.stop();
    this.#timer = periodically(EVERY_MS, () => this.#look()).unref();
    await this.#look();
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.stop();
  }

  async #look(): Promise<void> {
    const differences = await Promise.all(this.#masters().map((master) => this.#differenceTo(master)));
    const known = differences.filter((ms) => ms !== undefined);
    const largest = known.reduce((most, ms) => (Math.abs(ms) > Math.abs(most) ? ms : most), 0);
    const differs = Math.abs(largest) > TOLERATED_MS;
    if (differs && !this.#isTold) {
      const by = `${(Math.abs(largest) / 1_000).toFixed(1)} s ${largest < 0 ? 'behind' : 'ahead of'}`;
      const advice = 'keep both with NTP: tokens are refused as not valid yet, or taken too long';
      this.#logger.warn({ aheadMs: Math.round(largest) }, `the clock of this machine is ${by} Redis': ${advice}`);
    }
    if (known.length > 0) this.#isTold = differs;
  }

  /** Ours less its, as little as it may be; `undefined` where it does not answer. */
  async #differenceTo(master: Redis): Promise<number | undefined> {
    const sentMs = this.#clock();
    const answer = await master.time().catch(() => undefined);
    if (answer === undefined) return undefined;
    const [seconds = 0, micros = 0] = answer.map(Number);
    const halfMs = (this.#clock() - sentMs) / 2;
    const aheadMs = sentMs + halfMs - (seconds * 1_000 + micros / 1_000);
    return Math.sign(aheadMs) * Math.max(0, Math.abs(aheadMs) - halfMs);
  }
}
