// The sizes and rhythms that scenarios share, in the bench and in the comparison of two builds.

import type { Crowd } from '../lab.js';
import type { FloodOptions, PaceOptions } from '../traffic.js';

export const CLIENTS = 1_000;
const PAYLOAD_BYTES = 128;
/** Chosen: what a busy backend publishes in a moment, and little enough that no healthy client is cut as slow. */
const BURST = { batch: 64 };
/** Messages at a time, from one by one to a whole burst, and how many in all: chosen for some seconds a window. */
export const BURSTS: readonly { readonly batch: number; readonly shared: number; readonly own: number }[] = [
  { batch: 1, shared: 256, own: 2_000 },
  { batch: 64, shared: 3_840, own: 64_000 },
];

export const SHARED: Crowd = {
  clients: CLIENTS,
  spread: 'shared',
  transport: 'websocket',
  payloadBytes: PAYLOAD_BYTES,
};
export const OWN: Crowd = { ...SHARED, spread: 'own' };
export const STREAMS: Crowd = { ...SHARED, transport: 'sse' };
export const POLLS: Crowd = { ...SHARED, transport: 'long-poll' };

export const FLOODED: FloodOptions = { ...BURST, messages: 7_680 }; // chosen: over a second of CPU on the bare loop
export const OWN_FLOODED: FloodOptions = { ...BURST, messages: 128_000 }; // 128 on each of 1,000 channels
export const PACED: PaceOptions = { perSecond: 50, seconds: 5, latency: true, lingerMs: 300 };
export const POLLED: PaceOptions = { perSecond: 10, seconds: 6, latency: true, lingerMs: 500 };
/** Ten a second are more than a processor for `ws`. */
export const POLLED_GENTLY: PaceOptions = { ...POLLED, perSecond: 5 };
