// How long messages take from their publish to the moment at which a node has handed them to its links.

import { Histogram } from '../../lib/histogram.js';
import { type Offset, parseOffset } from '../../protocol/index.js';

/** Chosen: one message of each millisecond is measured, so that a flood pays nothing for it. */
const EVERY_MS = 1;

/** An offset says when its message was published, in whole milliseconds of the broker's clock. */
export class Handover {
  readonly #took = new Histogram();
  readonly #brokerNowMs: () => number;
  #measuredAtMs = Number.NEGATIVE_INFINITY;

  /** `brokerNowMs` is the broker's clock, as well as the node knows it. */
  constructor(brokerNowMs: () => number) {
    this.#brokerNowMs = brokerNowMs;
  }

  /** A message has been handed over; `nowMs` is when the bus brought it, by the monotonic clock. A live-only one says no time. */
  done(offset: Offset | undefined, nowMs: number): void {
    if (offset === undefined || nowMs - this.#measuredAtMs < EVERY_MS) return;
    this.#measuredAtMs = nowMs;
    this.#took.add(this.#brokerNowMs() - parseOffset(offset).ms);
  }

  stats(): Readonly<Record<string, number>> {
    return this.#took.stats('handover');
  }
}
