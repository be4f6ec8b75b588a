// Decodes the bodies of HTTP requests.

import {
  asRecord,
  channelName,
  channelNames,
  channelPaces,
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
  picture,
  placed,
  refuse,
  type UnknownRecord,
} from './decode.js';
import { dataOf, termsOf } from './decode-command.js';
import type { ConnectRequest, PollRequest, PublishItem, PublishRequest, StreamRequest, TicketRequest } from './http.js';
import { LIMITS } from './limits.js';
import { TRANSPORTS, type Transport } from './names.js';
import { rawItems, rawMember } from './raw-member.js';

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
    const features = featureList(record);
    const channels = channelPositions(record, LIMITS.channelsPerConnection, features);
    const paces = channelPaces(record, features);
    const waitMs = optionalInteger(record, 'waitMs', 0, LIMITS.maxPollWaitMs) ?? 0;
    const most = LIMITS.maxPollAnswerBytes;
    const maxBytes = optionalInteger(record, 'maxBytes', 1, most) ?? most;
    return { channels, waitMs, maxBytes, ...(paces && { paces }) };
  });
}

/** Decodes the body of `POST /v1/stream`. */
export function decodeStreamRequest(body: string): Decoded<StreamRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const features = featureList(record);
    const channels = channelPositions(record, LIMITS.channelsPerConnection, features);
    const paces = channelPaces(record, features);
    const heartbeatMs = features.includes('quiet') ? optionalHeartbeat(record) : undefined;
    return { channels, features, ...(paces && { paces }), ...(heartbeatMs !== undefined && { heartbeatMs }) };
  });
}

/** Decodes the body of `POST /v1/publish`. */
export function decodePublishRequest(body: string): Decoded<PublishRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const named = TARGETS.filter((name) => field(record, name) !== undefined);
    if (named.length > 1)
      refuse('bad_field', `expected one of "channel", "channels" and "messages", got ${named.length}`);
    const { waitReplicas, ...terms } = termsOf(record, []);
    const waits = waitReplicas === undefined ? {} : { waitReplicas };
    if (named[0] === 'messages') {
      return { items: messagesOf(record, body, waitReplicas), isBatch: true, ...waits };
    }
    const json = dataOf(body);
    const item = (channel: string) => ({ channel, json, ...terms });
    if (named[0] !== 'channels') {
      return { items: [item(channelName(field(record, 'channel')))], isBatch: false, ...waits };
    }
    return { items: channelNames(listOf(record, 'channels')).map(item), isBatch: true, ...waits };
  });
}

/** Where a publish goes. */
const TARGETS = ['channel', 'channels', 'messages'] as const;

function listOf(record: UnknownRecord, name: 'channels' | 'messages'): readonly unknown[] {
  const value = field(record, name);
  if (!Array.isArray(value) || value.length === 0 || value.length > LIMITS.maxPublishes) {
    refuse('bad_field', `"${name}": expected an array of 1 to ${LIMITS.maxPublishes}, got ${picture(value)}`);
  }
  return value;
}

/** Each with data, key and history of its own. */
function messagesOf(record: UnknownRecord, body: string, waitReplicas = 0): readonly PublishItem[] {
  const misplaced = ['data', 'key', 'history'].find((name) => field(record, name) !== undefined);
  if (misplaced !== undefined) refuse('bad_field', `"${misplaced}": each of "messages" has its own`);
  const messages = listOf(record, 'messages');
  const texts = rawItems(rawMember(body, 'messages') ?? '[]');
  return messages.map((message, index) => {
    try {
      return messageOf(asRecord(message), texts[index] ?? '', waitReplicas);
    } catch (error) {
      const channel = typeof message === 'object' && message !== null ? field({ ...message }, 'channel') : undefined;
      throw placed(error, `messages[${index}]`, channel);
    }
  });
}

function messageOf(message: UnknownRecord, text: string, waitReplicas: number): PublishItem {
  const terms = termsOf(message, ['channels', 'messages', 'waitReplicas']);
  if (terms.history === false && waitReplicas > 0) {
    refuse('bad_field', '"waitReplicas": a message without history has none');
  }
  return { channel: channelName(field(message, 'channel')), json: dataOf(text), ...terms };
}

function isTransport(value: string): value is Transport {
  return (TRANSPORTS as readonly string[]).includes(value);
}
