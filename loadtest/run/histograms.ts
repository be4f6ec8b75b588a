// Histograms of latencies as they are kept in a result, and the one that several make together: merged, never averaged.

import { decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

export function encodeHistogram(histogram: Histogram | undefined): string {
  return histogram === undefined ? '' : encodeIntoCompressedBase64(histogram);
}

/** Every latency of all of them; `undefined` when there is none. */
export function mergeHistograms(encoded: readonly string[]): Histogram | undefined {
  let merged: Histogram | undefined;
  for (const text of encoded) {
    if (text === '') continue;
    const one = decodeFromCompressedBase64(text);
    if (merged === undefined) merged = one;
    else merged.add(one);
  }
  return merged;
}
