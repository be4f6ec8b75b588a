// Decodes the bodies of HTTP requests.

import {
  channelName,
  channelPositions,
  type Decoded,
  decoding,
  featureList,
  field,
  optionalHeartbeat,
  optionalInteger,
  optionalSession,
  optionalStrings,
  parseRecord,
  refuse,
  type UnknownRecord,
} from './decode.js';
import { dataOf, termsOf } from './decode-command.js';
import type { ConnectRequest, PollRequest, PublishRequest, StreamRequest, TicketRequest } from './http.js';
import { LIMITS } from './limits.js';
import { TRANSPORTS, type Transport } from './names.js';

/** Decodes the body of `POST /v1/connect`; an empty one asks for anything. */
export function decodeConnectRequest(body: string): Decoded<ConnectRequest> {
  return decoding(() => {
    const record = parseRecord(body === '' ? '{}' : body, 'body_not_json');
    const exclude = optionalStrings(record, 'exclude', LIMITS.maxExcludedNodes) ?? [];
    const wanted = optionalStrings(record, 'transports', 32);
    const transports = wanted === undefined ? TRANSPORTS : wanted.filter(isTransport);
    if (transports.length === 0) refuse('bad_field', `"transports": expected at least one of ${TRANSPORTS.join(', ')}`);
    return { exclude, transports, ...sessionOf(record) };
  });
}

/** Decodes the body of `POST /v1/ticket`, which may be empty. */
export function decodeTicketRequest(body: string): Decoded<TicketRequest> {
  return decoding(() => sessionOf(parseRecord(body === '' ? '{}' : body, 'body_not_json')));
}

function sessionOf(record: UnknownRecord): TicketRequest {
  const session = optionalSession(record);
  return session === undefined ? {} : { session };
}

/** Decodes the body of `POST /v1/poll`. `waitMs` defaults to 0, a short poll, `maxBytes` to the most. */
export function decodePollRequest(body: string): Decoded<PollRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const channels = channelPositions(record, LIMITS.channelsPerConnection, featureList(record));
    const waitMs = optionalInteger(record, 'waitMs', 0, LIMITS.maxPollWaitMs) ?? 0;
    const most = LIMITS.maxPollAnswerBytes;
    return { channels, waitMs, maxBytes: optionalInteger(record, 'maxBytes', 1, most) ?? most };
  });
}

/** Decodes the body of `POST /v1/stream`. */
export function decodeStreamRequest(body: string): Decoded<StreamRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const features = featureList(record);
    const channels = channelPositions(record, LIMITS.channelsPerConnection, features);
    const heartbeatMs = features.includes('quiet') ? optionalHeartbeat(record) : undefined;
    return { channels, features, ...(heartbeatMs !== undefined && { heartbeatMs }) };
  });
}

/** Decodes the body of `POST /v1/publish`. */
export function decodePublishRequest(body: string): Decoded<PublishRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const terms = termsOf(record);
    return { channel: channelName(field(record, 'channel')), json: dataOf(body), ...terms };
  });
}

function isTransport(value: string): value is Transport {
  return (TRANSPORTS as readonly string[]).includes(value);
}
