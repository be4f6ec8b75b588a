// Names of paths, headers, media types and fixed values on the wire.

export const PROTOCOL_VERSION = 1;

export const PATHS = {
  connect: '/v1/connect',
  ticket: '/v1/ticket',
  nodes: '/v1/nodes',
  revocations: '/v1/revocations',
  users: '/v1/users',
  disconnect: '/v1/users/disconnect',
  websocket: '/v1/ws',
  stream: '/v1/stream',
  poll: '/v1/poll',
  publish: '/v1/publish',
  channels: '/v1/channels',
  livez: '/livez',
  readyz: '/readyz',
  metrics: '/metrics',
} as const;

export const HEADERS = {
  move: 'Fanfare-Move',
  node: 'Fanfare-Node',
  requestId: 'Fanfare-Request-Id',
  retryAfter: 'Retry-After',
  rateLimit: 'RateLimit',
  rateLimitPolicy: 'RateLimit-Policy',
  streamNextOffset: 'Stream-Next-Offset',
  streamUpToDate: 'Stream-Up-To-Date',
  streamCursor: 'Stream-Cursor',
} as const;

/** Response headers that a page of an allowed origin may read. */
export const EXPOSED_HEADERS = [
  HEADERS.move,
  HEADERS.requestId,
  HEADERS.retryAfter,
  HEADERS.rateLimit,
  HEADERS.rateLimitPolicy,
] as const;

/** The same of a channel's own URL. */
export const CHANNEL_EXPOSED_HEADERS = [
  HEADERS.streamNextOffset,
  HEADERS.streamUpToDate,
  HEADERS.streamCursor,
  'ETag',
  'Link',
  HEADERS.retryAfter,
  HEADERS.rateLimit,
  HEADERS.rateLimitPolicy,
] as const;

export const MEDIA_TYPES = {
  json: 'application/json',
  problem: 'application/problem+json',
  eventStream: 'text/event-stream',
} as const;

export const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'] as const;
/** How a client receives: one of {@link TRANSPORTS}. */
export type Transport = (typeof TRANSPORTS)[number];

/** Optional parts of the protocol that a node offers and a client may ask for. */
export const FEATURES = ['ping', 'quiet', 'batch', 'positions', 'brief'] as const;
/** One of {@link FEATURES}. */
export type Feature = (typeof FEATURES)[number];

/** The `typ` header of a ticket; a user's token never carries it. */
export const TICKET_TYPE = 'fanfare-ticket+jwt';

/** The node asks whoever connects to speak this subprotocol or none. */
export const WEBSOCKET_SUBPROTOCOL = 'fanfare.v1';
