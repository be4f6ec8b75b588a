// Decodes the bodies of HTTP requests.

import {
  channelName,
  channelPositions,
  type Decoded,
  decoding,
  field,
  optionalStrings,
  parseRecord,
  picture,
  refuse,
} from './decode.js';
import { dataOf, termsOf } from './decode-command.js';
import type { ConnectRequest, PollRequest, PublishRequest, StreamRequest } from './http.js';
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
    return { exclude, transports };
  });
}

/** Decodes the body of `POST /v1/poll`. `waitMs` defaults to 0, a short poll. */
export function decodePollRequest(body: string): Decoded<PollRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const channels = channelPositions(record, LIMITS.channelsPerConnection);
    const given = field(record, 'waitMs');
    const waitMs = given === undefined ? 0 : given;
    if (typeof waitMs !== 'number' || !Number.isInteger(waitMs) || waitMs < 0 || waitMs > LIMITS.maxPollWaitMs) {
      refuse('bad_field', `"waitMs": expected an integer from 0 to ${LIMITS.maxPollWaitMs}, got ${picture(waitMs)}`);
    }
    return { channels, waitMs };
  });
}

/** Decodes the body of `POST /v1/stream`. */
export function decodeStreamRequest(body: string): Decoded<StreamRequest> {
  return decoding(() => ({
    channels: channelPositions(parseRecord(body, 'body_not_json'), LIMITS.channelsPerConnection),
  }));
}

/** Decodes the body of `POST /v1/publish`. */
export function decodePublishRequest(body: string): Decoded<PublishRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    if (field(record, 'channels') !== undefined)
      refuse('bad_field', '"channels" is reserved: publish to one "channel" at a time');
    return { channel: channelName(field(record, 'channel')), json: dataOf(body), ...termsOf(record) };
  });
}

function isTransport(value: string): value is Transport {
  return (TRANSPORTS as readonly string[]).includes(value);
}
