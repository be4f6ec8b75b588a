// Every code a peer can be told: its HTTP status, the close code it may bring, and whether to try again.

/** WebSocket close codes. The range is the policy: 4000–4499 reconnect, 4500–4999 do not. */
export const CLOSE = {
  draining: 4000,
  overloaded: 4001,
  slowConsumer: 4002,
  heartbeatTimeout: 4003,
  rateLimited: 4004,
  tokenExpired: 4005,
  internal: 4006,
  brokerUnavailable: 4007,
  disconnected: 4008,
  badRequest: 4500,
  unauthorized: 4501,
  revoked: 4503,
  tooLarge: 4504,
  unsupportedVersion: 4505,
} as const;

/** Whether a client may reconnect after a WebSocket closed with `closeCode`; unknown 4xxx codes go by their range. */
export function mayReconnect(closeCode: number): boolean {
  return closeCode < 4500 || closeCode > 4999;
}

interface CodeInfo {
  /** HTTP status of a response that carries the code. */
  readonly status: number;
  /** Whether the same request can succeed later, unchanged. */
  readonly retry: boolean;
  /** Close code, where the code can end a WebSocket or a stream. */
  readonly close?: number;
  /** One sentence for people. */
  readonly title: string;
}

const unauthorized = (title: string) => ({ status: 401, retry: false, close: CLOSE.unauthorized, title });
const badRequest = (title: string) => ({ status: 400, retry: false, title });

/** The one table of codes; docs/PROTOCOL.md prints it. */
export const CODES = {
  token_missing: unauthorized('The request carries no token.'),
  token_malformed: unauthorized('The token is not a compact JWT.'),
  token_alg_not_allowed: unauthorized('The token is signed with an algorithm that is not allowed.'),
  token_signature_invalid: unauthorized("The token's signature does not verify."),
  token_expired: { status: 401, retry: false, close: CLOSE.tokenExpired, title: 'The token has expired.' },
  token_not_yet_valid: { status: 401, retry: true, close: CLOSE.tokenExpired, title: 'The token is not valid yet.' },
  token_claim_invalid: unauthorized('A claim of the token is missing or wrong.'),
  token_key_unknown: unauthorized('The key that the token names is not known.'),
  token_unsupported: unauthorized('The token uses a JWT feature that is not supported.'),
  wrong_token_kind: unauthorized('A ticket stands where a token belongs, or the reverse.'),
  revoked: { status: 401, retry: false, close: CLOSE.revoked, title: 'The token has been revoked.' },
  auth_timeout: { status: 408, retry: true, close: CLOSE.heartbeatTimeout, title: 'No valid connect arrived in time.' },
  not_connected: badRequest('A connect command must come first.'),
  already_connected: badRequest('The connection is already connected.'),

  forbidden: { status: 403, retry: false, title: 'The token does not grant this.' },
  forbidden_channel: { status: 403, retry: false, title: 'The token does not grant this channel.' },
  origin_denied: { status: 403, retry: false, title: 'The origin is not on the allow-list.' },

  bad_request: badRequest('The request is not well-formed.'),
  bad_field: badRequest('A field is missing or wrong.'),
  bad_parameter: badRequest('A query parameter is missing, repeated or wrong.'),
  bad_encoding: badRequest('The path or the query is not well-formed percent-encoded UTF-8.'),
  bad_channel_name: badRequest('The channel name breaks a rule.'),
  bad_offset: badRequest('The offset is not one.'),
  bad_id: badRequest('A command id is an integer of at least 1.'),
  duplicate_id: badRequest('The command id is still in use.'),
  bad_idempotency_key: badRequest('The idempotency key breaks a rule.'),
  body_missing: badRequest('The request has no body.'),
  body_not_json: badRequest('The request body is not JSON.'),
  duplicate_header: badRequest('A header that must be single is repeated.'),
  message_not_json: badRequest('The frame is not JSON.'),
  not_an_object: badRequest('A JSON object was expected.'),
  unknown_type: badRequest('The command type is not known.'),
  not_subscribed: badRequest('The connection is not subscribed to this channel.'),
  binary_not_supported: { status: 400, retry: false, close: CLOSE.badRequest, title: 'Frames are text, not binary.' },
  unsupported_protocol: badRequest('The WebSocket subprotocol is not spoken here.'),
  unsupported_version: {
    status: 400,
    retry: false,
    close: CLOSE.unsupportedVersion,
    title: 'The protocol version is not spoken here.',
  },
  not_found: { status: 404, retry: false, title: 'There is nothing at this path.' },
  method_not_allowed: { status: 405, retry: false, title: 'The path does not take this method.' },
  request_timeout: { status: 408, retry: true, title: 'The request did not arrive in time.' },
  idempotency_conflict: { status: 409, retry: false, title: 'The idempotency key was used with other data.' },
  offset_trimmed: { status: 410, retry: false, title: 'Messages after the offset are no longer kept.' },
  offset_rewritten: { status: 410, retry: false, title: "The offset is none of the channel's." },
  offset_unknown: { status: 410, retry: false, title: 'The history that the offset belongs to is gone.' },
  payload_too_large: { status: 413, retry: false, close: CLOSE.tooLarge, title: 'The payload is over the limit.' },
  message_too_large: { status: 413, retry: false, close: CLOSE.tooLarge, title: 'The frame is over the limit.' },
  uri_too_long: { status: 414, retry: false, title: 'The URL is over the limit.' },
  unsupported_media_type: { status: 415, retry: false, title: 'The body is not plain application/json in UTF-8.' },
  upgrade_required: { status: 426, retry: false, title: 'The path speaks WebSocket version 13 only.' },
  headers_too_large: { status: 431, retry: false, title: 'The headers are over the limit.' },

  rate_limited: { status: 429, retry: true, close: CLOSE.rateLimited, title: 'Over the rate limit.' },
  too_many_channels: { status: 400, retry: false, title: 'More channels than one connection may have.' },
  too_many_connections: {
    status: 429,
    retry: true,
    close: CLOSE.overloaded,
    title: 'More links at the same time than one user may have.',
  },

  internal: {
    status: 500,
    retry: true,
    close: CLOSE.internal,
    title: 'Something went wrong here, not with the request.',
  },
  keys_unavailable: {
    status: 503,
    retry: true,
    close: CLOSE.internal,
    title: 'The key that the token names is not known yet.',
  },
  broker_unavailable: {
    status: 503,
    retry: true,
    close: CLOSE.brokerUnavailable,
    title: 'The broker cannot be reached.',
  },
  replicas_unavailable: { status: 503, retry: true, title: 'Not enough replicas to store the message on.' },
  ack_timeout: {
    status: 504,
    retry: true,
    title: 'The message was sent and no answer came: it may or may not be stored.',
  },
  storage_full: { status: 507, retry: true, title: 'The broker has no memory left.' },
  no_capacity: { status: 503, retry: true, title: 'No node can take the connection now.' },
  overloaded: {
    status: 503,
    retry: true,
    close: CLOSE.overloaded,
    title:
      'The node is full: of connections (the link ends), or of channels (an error for that channel, the link stays).',
  },
  draining: { status: 503, retry: true, close: CLOSE.draining, title: 'The node is being drained.' },
  disconnected: {
    status: 503,
    retry: true,
    close: CLOSE.disconnected,
    title: "A backend has ended the user's links: connect again.",
  },
  slow_consumer: { status: 503, retry: true, close: CLOSE.slowConsumer, title: 'The client reads too slowly.' },
  heartbeat_timeout: {
    status: 408,
    retry: true,
    close: CLOSE.heartbeatTimeout,
    title: 'Nothing was heard from the peer for too long.',
  },
} as const satisfies Record<string, CodeInfo>;

/** A stable code; API. */
export type Code = keyof typeof CODES;

/** What the table says of `code`. */
export function codeInfo(code: Code): CodeInfo {
  return CODES[code];
}
