// What all channels of a node count together.

import type { GapReason } from '../../protocol/index.js';

/** Shared by all channels of a node. */
export interface Traffic {
  /** When any of them delivered something last, by the monotonic clock. */
  deliveredAtMs: number;
}

/** Plain counters, shared by all channels of a node. */
export interface ChannelCounters {
  /** Messages that channels handed on, each once, whoever listened. */
  messages: number;
  duplicates: number;
  repairs: number;
  repaired: number;
}

/** Gaps by their reason: one for each client that was told of one, on whatever transport. */
export type GapCounters = { [Key in `gaps.${GapReason}`]: number };

export const noGaps = (): GapCounters => ({
  ...{ 'gaps.trimmed': 0, 'gaps.expired': 0, 'gaps.lost': 0 },
  ...{ 'gaps.rewritten': 0, 'gaps.unknown': 0, 'gaps.conflated': 0 },
});

/** Counts of all channels of a node. */
export interface ChannelsCounters extends ChannelCounters, GapCounters {
  /** Messages to sockets and streams that were live: one for each that took it. */
  deliveredSockets: number;
  deliveredStreams: number;
  /** What the bus brought and could not be used, by its cause. */
  'damaged.envelope': number;
  'damaged.future': number;
  'damaged.live': number;
}
