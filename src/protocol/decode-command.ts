// Decodes what a client sends over a WebSocket.

import {
  channelName,
  channelNames,
  channelPaces,
  channelPositions,
  type Decoded,
  decoding,
  featureList,
  field,
  idempotencyKey,
  optionalHeartbeat,
  optionalString,
  parseRecord,
  picture,
  refuse,
  type UnknownRecord,
} from './decode.js';
import { LIMITS, MAX_WAIT_REPLICAS } from './limits.js';
import { type ClientCommand, COMMAND_TYPES } from './messages.js';
import type { Feature } from './names.js';
import { rawMember } from './raw-member.js';

/**
 * Decodes one text frame of a link that has `features`: what belongs to another one is not known. Unknown fields are ignored;
 * of duplicate keys the last wins.
 */
export function decodeCommand(text: string, features: readonly Feature[] = []): Decoded<ClientCommand> {
  let record: UnknownRecord = {};
  const parsed = decoding(() => {
    record = parseRecord(text, 'message_not_json');
  });
  if (!parsed.ok) return parsed;
  const id = field(record, 'id');
  if (!Number.isSafeInteger(id) || (id as number) < 1) {
    return decoding(() => refuse('bad_id', `"id": expected an integer of at least 1, got ${picture(id)}`));
  }
  return decoding(() => command(record, id as number, text, features), id as number);
}

/** Above it a frame's id is looked for at its beginning only. */
const CHEAP_LENGTH = 4 * 1024;
const ID_FIRST = /^\s*\{\s*(?:"type"\s*:\s*"[a-z_]*"\s*,\s*)?"id"\s*:\s*(\d{1,16})\s*[,}]/;

/** The id of a frame that is not worth decoding, as far as it can be told cheaply. */
export function commandId(text: string): number | undefined {
  let id: unknown;
  if (text.length > CHEAP_LENGTH) id = Number(ID_FIRST.exec(text)?.[1]);
  else {
    decoding(() => {
      id = field(parseRecord(text, 'message_not_json'), 'id');
    });
  }
  return Number.isSafeInteger(id) && (id as number) > 0 ? (id as number) : undefined;
}

function command(record: UnknownRecord, id: number, text: string, features: readonly Feature[]): ClientCommand {
  const type = field(record, 'type');
  switch (type) {
    case 'ping':
      return features.includes(type) ? { type, id } : unknownType(type, features);
    case 'quiet':
      return features.includes(type) ? quiet(record, id) : unknownType(type, features);
    case 'connect':
      return connect(record, id);
    case 'subscribe': {
      const channels = channelPositions(record, LIMITS.channelsPerConnection, features);
      const paces = channelPaces(record, features);
      return { type, id, channels, ...(paces && { paces }) };
    }
    case 'unsubscribe':
      return { type, id, channels: channelList(record) };
    case 'publish':
      return { type, id, channel: channelName(field(record, 'channel')), json: dataOf(text), ...termsOf(record) };
    case 'presence':
      return { type, id, channel: channelName(field(record, 'channel')) };
    case 'refresh': {
      const token = optionalString(record, 'token', LIMITS.maxTokenBytes, 'token_malformed');
      if (token === undefined) refuse('token_missing', '"token": expected a ticket or a token, got nothing');
      return { type, id, token };
    }
    default:
      return unknownType(type, features);
  }
}

function unknownType(type: unknown, features: readonly Feature[]): never {
  const known = COMMAND_TYPES.filter((one) => (one !== 'ping' && one !== 'quiet') || features.includes(one));
  return refuse('unknown_type', `"type": expected one of ${known.join(', ')}, got ${picture(type)}`);
}

function quiet(record: UnknownRecord, id: number): ClientCommand {
  const heartbeatMs = optionalHeartbeat(record);
  if (heartbeatMs === undefined) refuse('bad_field', '"heartbeatMs": expected an integer, got nothing');
  return { type: 'quiet', id, heartbeatMs };
}

function connect(record: UnknownRecord, id: number): ClientCommand {
  const version = field(record, 'version');
  if (!Number.isSafeInteger(version)) refuse('bad_field', `"version": expected an integer, got ${picture(version)}`);
  const token = optionalString(record, 'token', LIMITS.maxTokenBytes, 'token_malformed');
  return {
    type: 'connect',
    id,
    version: version as number,
    ...(token !== undefined && { token }),
    features: featureList(record),
  };
}

function channelList(record: UnknownRecord): readonly string[] {
  const value = field(record, 'channels');
  if (!Array.isArray(value) || value.length === 0) {
    refuse('bad_field', `"channels": expected an array of channel names, got ${picture(value)}`);
  }
  if (value.length > LIMITS.channelsPerConnection) {
    refuse(
      'too_many_channels',
      `"channels": expected at most ${LIMITS.channelsPerConnection} channels, got ${value.length}`,
    );
  }
  return channelNames(value);
}

/** The `data` of a publish as it was written; any JSON value, but it must be there. */
export function dataOf(text: string): string {
  return rawMember(text, 'data') ?? refuse('bad_field', '"data": expected a JSON value, got nothing');
}

/** Fields of a publish that a later release serves: until then they are refused, never ignored. */
const RESERVED = ['channels', 'messages'] as const;

/** What a publish may say beside its channel and data. */
export interface PublishTerms {
  readonly key?: string;
  readonly waitReplicas?: number;
  /** Whoever listens now has it, and nobody keeps it. */
  readonly history?: false;
}

/** The terms of a publish, as a part to spread. Refuses what is `reserved`. */
export function termsOf(record: UnknownRecord, reserved: readonly string[] = RESERVED): PublishTerms {
  const found = reserved.find((name) => field(record, name) !== undefined);
  if (found !== undefined) refuse('bad_field', `"${found}" is reserved: publish one message on one "channel"`);
  const key = idempotencyKey(record);
  const waitReplicas = field(record, 'waitReplicas');
  if (waitReplicas !== undefined && !isReplicaCount(waitReplicas)) {
    const expected = `expected an integer from 0 to ${MAX_WAIT_REPLICAS}`;
    refuse('bad_field', `"waitReplicas": ${expected}, got ${picture(waitReplicas)}`);
  }
  const history = field(record, 'history');
  if (history !== undefined && typeof history !== 'boolean') {
    refuse('bad_field', `"history": expected true or false, got ${picture(history)}`);
  }
  const terms = { ...(key !== undefined && { key }), ...(waitReplicas !== undefined && { waitReplicas }) };
  return history === false ? liveTerms(terms) : terms;
}

/** What is not kept can neither be known again nor be waited for. */
function liveTerms({ key, waitReplicas = 0 }: PublishTerms): PublishTerms {
  const wrong = key !== undefined ? 'key' : waitReplicas > 0 ? 'waitReplicas' : undefined;
  if (wrong !== undefined) refuse('bad_field', `"${wrong}": a message without history has none`);
  return { history: false };
}

function isReplicaCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_WAIT_REPLICAS;
}
