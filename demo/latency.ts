// Keeps the last latencies, and says what is typical of each transport.

import type { Transport } from '../client-sdk/types.js';

export interface Sample {
  readonly ms: number;
  readonly transport: Transport;
}

/** One bar of the chart each. */
export const SHOWN_SAMPLES = 60;
/** Of each transport, for its median. */
const KEPT_SAMPLES = 200;

export class Latencies {
  readonly #recent: Sample[] = [];
  readonly #byTransport = new Map<Transport, number[]>();

  add(sample: Sample): void {
    keep(this.#recent, sample, SHOWN_SAMPLES);
    const own = this.#byTransport.get(sample.transport) ?? [];
    keep(own, sample.ms, KEPT_SAMPLES);
    this.#byTransport.set(sample.transport, own);
  }

  /** The last {@link SHOWN_SAMPLES}, oldest first. */
  get recent(): readonly Sample[] {
    return this.#recent;
  }

  /** Of the samples that are shown; `undefined` without any. */
  quantile(share: number): number | undefined {
    return quantile(
      this.#recent.map(({ ms }) => ms),
      share,
    );
  }

  /** Of one transport since the page was loaded; `undefined` when it has not been used. */
  median(transport: Transport): number | undefined {
    return quantile(this.#byTransport.get(transport) ?? [], 0.5);
  }
}

function keep<Item>(list: Item[], item: Item, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}

/** Nearest rank. */
function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
