// The live channel's envelope of a logged message: who it follows, where it stands, and its bytes, without copying them.

import { OFFSET_LENGTH, type Offset } from '../protocol/index.js';
import type { BrokerMessage } from './broker.js';
import { isJson, normalise } from './payload.js';

const MARK = 0x01;
const VERSION_1 = 0x31;
const ERASED = 0x30;
const LF = 0x0a;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const HYPHEN = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Mark, version, offset, predecessor. */
const HEAD = 2 + 2 * OFFSET_LENGTH;
/** Digits of an offset before its hyphen. */
const TIME_DIGITS = 13;

/**
 * Where the history begins anew of a channel whose log was deleted: byte 0x01, `0`, and that offset; `undefined` of any other payload. A node
 * that does not know of it takes it for a broken envelope and reads the log, which says the same.
 */
export function decodeErasure(payload: Buffer): Offset | undefined {
  const isOne = payload.length === 2 + OFFSET_LENGTH && payload[0] === MARK && payload[1] === ERASED;
  return isOne && isOffset(payload, 2) ? payload.toString('latin1', 2) : undefined;
}

/** Whether a payload of the bus claims to be an envelope; every other payload is a live message. */
export function isEnvelope(payload: Buffer): boolean {
  return payload.length > 0 && payload[0] === MARK;
}

/**
 * The message in an envelope, its data normalised within `maxBytes`; or, as a string, what is wrong with it. An envelope is byte 0x01, `1`, offset,
 * predecessor, then `\n` and the data; or a space, the sender's JSON, `\n` and the data. The function library writes it.
 */
export function decodeEnvelope(payload: Buffer, maxBytes = Number.POSITIVE_INFINITY): BrokerMessage | string {
  if (payload.length <= HEAD) return 'the envelope is cut short';
  if (payload[1] !== VERSION_1) return 'the version of the envelope is not known';
  if (!isOffset(payload, 2) || !isOffset(payload, 2 + OFFSET_LENGTH)) {
    return 'the offsets of the envelope are not well-formed';
  }
  const offset = payload.toString('latin1', 2, 2 + OFFSET_LENGTH);
  const previous = payload.toString('latin1', 2 + OFFSET_LENGTH, HEAD);
  if (offset <= previous) return 'the offset of the envelope does not sort after its predecessor';
  if (payload[HEAD] === LF) {
    return { offset, previous, data: normalise(payload.subarray(HEAD + 1), maxBytes), from: undefined };
  }
  if (payload[HEAD] !== SPACE) return 'the head of the envelope does not end';
  const end = payload.indexOf(LF, HEAD + 1);
  if (end === -1) return 'the sender in the envelope does not end';
  const from = payload.subarray(HEAD + 1, end);
  if (!isSender(from)) return 'the sender in the envelope is not a JSON object on one line';
  return { offset, previous, data: normalise(payload.subarray(end + 1), maxBytes), from };
}

/** Byte by byte: a regular expression takes several times as long. */
function isOffset(payload: Buffer, at: number): boolean {
  for (let index = 0; index < OFFSET_LENGTH; index++) {
    const byte = payload[at + index] as number;
    if (index === TIME_DIGITS ? byte !== HYPHEN : byte < ZERO || byte > NINE) return false;
  }
  return true;
}

/** Whether `from` can be spliced into a frame as a sender. */
export function isSender(from: Buffer): boolean {
  return from[0] === OPEN_BRACE && isJson(from) && !from.includes(LF) && !from.includes(0x0d);
}
