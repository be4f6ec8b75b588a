// What is asked for in each scenario, and where it fails: half of the way from what the first version came to.

import { type Budget, least, most } from '../figures.js';

/** By scenario and server. Ratios are to the bare thing in the same round. */
export const BUDGETS = {
  /** 1,000 WebSockets on one channel, bursts of logged messages. */
  flooded: { uws: least(0.93, 0.95), ws: least(2, 2.3) },
  /** The same by who asks for the messages of one tick in one frame. */
  joined: { uws: least(1.23, 1.5) },
  besideJoining: { uws: least(0.85, 0.9) },
  paced: { uws: least(0.945, 0.95), ws: least(0.8, 0.85) },
  /** A channel for each of 1,000 WebSockets, bursts of logged messages. */
  own: { uws: least(0.8, 0.9), ws: least(0.415, 0.5) },
  polls: { uws: least(0.555, 0.75), ws: least(0.29, 0.4) },
  /** KiB for each idle WebSocket over what the bare thing takes. */
  memory: { shared: most(0.9, 0.7), own: most(2.75, 2.2) },
  connects: { perCpuSecond: least(3_000), besideBare: least(0.625, 0.7) },
  idle: { uws: most(1.5, 1.3) },
  /** Milliseconds at the 99th percentile. */
  latency: { uws: most(5, 1.5) },
  /** Reads of logs for 1,000 who come back with one position on one channel: always, so there is no way in between. */
  resume: { reads: most(2) },
  /** Messages in batches of 64 per CPU-second of Redis, to those that are published one by one. */
  publishes: { many: least(1.5, 2), one: least(2, 3) },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Budget>>>>;
