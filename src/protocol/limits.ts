// The contract's limits, with units; a server may be configured lower, never silently higher.

/** Replicas that a publish may wait for. */
export const MAX_WAIT_REPLICAS = 5;

export const LIMITS = {
  /** A channel's name, in bytes (names are ASCII). */
  channelNameBytes: 200,
  /** Channels of one connection, one poll or one stream. */
  channelsPerConnection: 128,
  /** One message's `data`, encoded. */
  maxMessageBytes: 64 * 1024,
  /** One frame from a client. */
  maxFrameBytes: 64 * 1024,
  /** One HTTP request body. */
  maxBodyBytes: 1024 * 1024,
  /** The body of a poll or a stream: twice what 128 of the longest names and offsets need. */
  maxReadBodyBytes: 64 * 1024,
  /** One frame of a client that has not sent `connect` yet: a token, and some spare. */
  maxConnectFrameLength: 10 * 1024,
  /** One token or ticket. */
  maxTokenBytes: 8 * 1024,
  /** Nesting of JSON in a command or a request body. */
  maxJsonDepth: 16,
  /** Time a new WebSocket has to send a valid `connect`. */
  handshakeTimeoutMs: 5_000,
  /** The longest silence of a node on a link: before it ends, the node sends a heartbeat. */
  heartbeatMs: 7_000,
  /** What a client may ask for instead, for a link of its own. */
  minHeartbeatMs: 1_000,
  maxHeartbeatMs: 60_000,
  /** How often a node pings a WebSocket's peer; one that is silent for twice that is dead. */
  pingMs: 25_000,
  /** Pings and pongs that a WebSocket's peer may send within one second. */
  controlFramesPerSecond: 64,
  /** How far before the tail `last` may begin. */
  maxLastMessages: 1_000,
  /** The most messages of one subscription that a client may ask for each second. */
  maxPerSecond: 10_000,
  /** A frame or an event that holds several events; it has at most a quarter of `maxBufferedBytes` too. */
  maxBatchBytes: 64 * 1024,
  /** The longest a poll may ask to wait. */
  maxPollWaitMs: 60_000,
  /** Messages' bytes in one poll's answer. */
  maxPollAnswerBytes: 1024 * 1024,
  /** Messages, or channels, of one publish by HTTP. */
  maxPublishes: 1_000,
  /** An idempotency key, in characters. */
  idempotencyKeyLength: 128,
  /** Nodes a client may ask discovery to avoid. */
  maxExcludedNodes: 8,
  /** The client's `session`, in characters. */
  minSessionLength: 22,
  maxSessionLength: 64,
  /** Patterns in one list of a token's grants. */
  maxGrantPatterns: 256,
  /** A token's `sub`, in bytes. */
  maxSubjectBytes: 255,
  /** The reason of a revocation, in bytes. */
  maxReasonBytes: 255,
  /** The longest a revocation may be in force: a year and a day. */
  maxRevocationMs: 366 * 24 * 3_600_000,
} as const;
