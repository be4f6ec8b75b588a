// What all channels of a node count together.

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
  gaps: number;
}

/** Counts of all channels of a node. */
export interface ChannelsCounters extends ChannelCounters {
  /** Messages to sockets and streams that were live: one for each that took it. */
  deliveredSockets: number;
  deliveredStreams: number;
  /** What the bus brought and could not be used, by its cause. */
  'damaged.envelope': number;
  'damaged.future': number;
  'damaged.live': number;
}
