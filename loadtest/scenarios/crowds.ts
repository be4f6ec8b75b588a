// The sizes and rhythms that scenarios share, in the bench and in the comparison of two builds.

import type { Crowd } from '../lab.js';
import type { FloodOptions, PaceOptions } from '../traffic.js';

export const CLIENTS = 1_000;
const PAYLOAD_BYTES = 128;
/** Chosen: the next burst when all have the last one, so that no server is handed larger bursts because clients are slow. */
const BURST = { batch: 64, window: 64 };
/** Messages at a time, from one by one to a whole burst. */
export const BURSTS: readonly number[] = [1, 8, 64];

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
