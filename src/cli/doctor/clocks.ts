// Compares the clocks of everybody that was asked: tokens and offsets are judged by them.

import type { Area, Findings } from './finding.js';

export interface ClockReading {
  readonly who: string;
  readonly area?: Area;
  /** Against this machine's, and how far off that may be. */
  readonly aheadMs: number;
  readonly uncertainMs: number;
}

/** Chosen: clocks that NTP keeps differ by milliseconds; tokens are forgiven 5 s. */
const TOLERATED_MS = 2_000;

export class Clocks {
  readonly #readings: ClockReading[] = [{ who: "this machine's", aheadMs: 0, uncertainMs: 0 }];

  add(reading: ClockReading): void {
    this.#readings.push(reading);
  }

  /** Whoever differs from most: of two, the other one. */
  judge(found: Findings): void {
    const known = this.#readings.filter(({ uncertainMs }) => uncertainMs < TOLERATED_MS);
    const sorted = known.map(({ aheadMs }) => aheadMs).sort((a, b) => a - b);
    const right = known.length === 2 ? 0 : (sorted[Math.floor(sorted.length / 2)] ?? 0);
    for (const { who, area = 'redis', aheadMs, uncertainMs } of known) {
      const differenceMs = aheadMs - right;
      if (Math.abs(differenceMs) - uncertainMs <= TOLERATED_MS) continue;
      const by = `${Math.abs(differenceMs / 1_000).toFixed(1)} s ${differenceMs < 0 ? 'behind' : 'ahead of'}`;
      const others = known.length === 2 ? "this machine's" : 'the others';
      const message = `the clock of ${who} is ${by} ${others}: tokens are refused as not valid yet, or taken too long`;
      found.error(
        area,
        'clock_differs',
        message.replace("of this machine's", 'of this machine'),
        'NTP on that machine',
      );
    }
  }
}
