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
  /** One token or ticket. */
  maxTokenBytes: 8 * 1024,
  /** Nesting of JSON in a command or a request body. */
  maxJsonDepth: 16,
  /** Time a new WebSocket has to send a valid `connect`. */
  handshakeTimeoutMs: 5_000,
  /** Silence after which a node sends a heartbeat; a client gives up after twice that. */
  heartbeatMs: 25_000,
  /** The longest a poll may ask to wait. */
  maxPollWaitMs: 60_000,
  /** Messages' bytes in one poll's answer. */
  maxPollAnswerBytes: 1024 * 1024,
  /** An idempotency key, in characters. */
  idempotencyKeyLength: 128,
  /** Nodes a client may ask discovery to avoid. */
  maxExcludedNodes: 8,
  /** Patterns in one list of a token's grants. */
  maxGrantPatterns: 256,
  /** A token's `sub`, in bytes. */
  maxSubjectBytes: 255,
} as const;
