// Makes any payload one JSON value on one line, so that it can be spliced into a frame unchecked.

import { isUtf8 } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const QUESTION_MARK = 0x3f;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const SMALL_E = 0x65;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The position after what breaks a rule: past every end, so that whoever looks there finds nothing. */
const BROKEN = 0x3fffffff;

/** What each byte is inside a string: 0 plain, 1 closing quote, 2 backslash, 3 forbidden, 4 part of a multi-byte character. */
const IN_STRING = new Uint8Array(256);
IN_STRING.fill(3, 0, 0x20);
IN_STRING.fill(4, 0x80);
IN_STRING[QUOTE] = 1;
IN_STRING[BACKSLASH] = 2;

/** What may follow a backslash besides `u` and four hex digits. */
const ESCAPABLE = new Uint8Array(256);
for (const character of '"\\/bfnrt') ESCAPABLE[character.charCodeAt(0)] = 1;

const IS_HEX = new Uint8Array(256);
for (const character of '0123456789abcdefABCDEF') IS_HEX[character.charCodeAt(0)] = 1;

/**
 * Chosen: how deep a value may be nested. Clients read and write with parsers that call themselves: JavaScript's gives up beyond some thousand levels,
 * those of other languages beyond 1,000 or 512.
 */
const MAX_DEPTH = 256;

/** Chosen: what a text may grow by over the limit, for its quotes and line breaks. */
const GROWTH_BYTES = 1_024;

const LITERALS = new Map([
  [0x74, Buffer.from('true')],
  [0x66, Buffer.from('false')],
  [0x6e, Buffer.from('null')],
]);

// What the scan under way has seen, and the containers that it is in (1 object, 0 array). The scan is one synchronous
// step, so one copy serves all.
let sawMultiByte = false;
let sawLineBreak = false;
const containers = new Uint8Array(MAX_DEPTH);

/**
 * One JSON value in valid UTF-8 without line breaks. Valid JSON in valid UTF-8 keeps its bytes, less CR and LF (which
 * can only stand outside strings); anything else, deeper nesting too, becomes a JSON string with U+FFFD for bad bytes. Such a string may be six
 * times as long as its payload: where that is a KiB more than `maxBytes`, what would take more than a byte is a `?` in it, so
 * that it is as long as its payload and two. Returns `payload` itself where nothing changes.
 */
export function normalise(payload: Buffer, maxBytes = Number.POSITIVE_INFINITY): Buffer {
  if (!isJson(payload)) return asString(payload, maxBytes);
  return sawLineBreak ? withoutLineBreaks(payload) : payload;
}

function asString(payload: Buffer, maxBytes: number): Buffer {
  const text = Buffer.from(JSON.stringify(payload.toString('utf8')));
  if (text.length <= maxBytes + GROWTH_BYTES) return text;
  const short = Buffer.alloc(payload.length + 2, QUOTE);
  for (const [at, byte] of payload.entries()) short[at + 1] = IN_STRING[byte] === 0 ? byte : QUESTION_MARK;
  return short;
}

/** Whether `payload` is exactly one JSON value (RFC 8259) of at most 256 levels, in valid UTF-8. */
export function isJson(payload: Buffer): boolean {
  sawMultiByte = false;
  sawLineBreak = false;
  return scan(payload) && (!sawMultiByte || isUtf8(payload));
}

function scan(bytes: Buffer): boolean {
  const end = bytes.length;
  let at = skipSpace(bytes, 0);
  let depth = 0;
  for (;;) {
    // A value begins here.
    if (at >= end) return false;
    const first = bytes[at] as number;
    const inside = skipSpace(bytes, at + 1);
    if (first === OPEN_OBJECT && !(inside < end && bytes[inside] === CLOSE_OBJECT)) {
      if (depth === MAX_DEPTH) return false;
      containers[depth++] = 1;
      at = skipName(bytes, inside);
      continue;
    }
    if (first === OPEN_ARRAY && !(inside < end && bytes[inside] === CLOSE_ARRAY)) {
      if (depth === MAX_DEPTH) return false;
      containers[depth++] = 0;
      at = inside;
      continue;
    }
    at = first === OPEN_OBJECT || first === OPEN_ARRAY ? inside + 1 : skipScalar(bytes, at, first);

    // A value has ended: close what ends with it, up to the next comma.
    for (;;) {
      at = skipSpace(bytes, at);
      if (depth === 0) return at === end;
      if (at >= end) return false;
      const next = bytes[at] as number;
      const inObject = containers[depth - 1] === 1;
      if (next === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (inObject) at = skipName(bytes, at);
        break;
      }
      if (next !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return false;
      at++;
      depth--;
    }
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  const end = bytes.length;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte > 0x20) return at;
    if (byte === LF || byte === CR) sawLineBreak = true;
    else if (byte !== 0x20 && byte !== 0x09) return at;
    at++;
  }
  return at;
}

/** Skips a member's name and its colon, up to the value. */
function skipName(bytes: Buffer, from: number): number {
  if (from >= bytes.length || bytes[from] !== QUOTE) return BROKEN;
  const colon = skipSpace(bytes, skipString(bytes, from + 1));
  if (colon >= bytes.length || bytes[colon] !== COLON) return BROKEN;
  return skipSpace(bytes, colon + 1);
}

function skipScalar(bytes: Buffer, at: number, first: number): number {
  if (first === QUOTE) return skipString(bytes, at + 1);
  if (first === MINUS || (first >= ZERO && first <= NINE)) return skipNumber(bytes, at);
  const literal = LITERALS.get(first);
  if (literal === undefined || at + literal.length > bytes.length) return BROKEN;
  for (let i = 1; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return BROKEN;
  return at + literal.length;
}

/** Skips the rest of a string, its closing quote included. */
function skipString(bytes: Buffer, from: number): number {
  let at = from;
  const end = bytes.length;
  while (at < end) {
    const kind = IN_STRING[bytes[at++] as number];
    if (kind === 0) continue;
    if (kind === 1) return at;
    if (kind === 3) return BROKEN;
    if (kind === 4) {
      sawMultiByte = true;
      continue;
    }
    if (at >= end) return BROKEN;
    const escaped = bytes[at++] as number;
    if (ESCAPABLE[escaped] === 1) continue;
    if (escaped !== SMALL_U || at + 4 > end) return BROKEN;
    for (const last = at + 4; at < last; at++) if (IS_HEX[bytes[at] as number] !== 1) return BROKEN;
  }
  return BROKEN;
}

function skipNumber(bytes: Buffer, from: number): number {
  const end = bytes.length;
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = at < end && bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  if (at < end && bytes[at] === DOT) at = skipDigits(bytes, at + 1);
  // 0x20 makes `E` the same as `e`; no other byte becomes one.
  if (at < end && ((bytes[at] as number) | 0x20) === SMALL_E) {
    at++;
    if (at < end && (bytes[at] === MINUS || bytes[at] === PLUS)) at++;
    at = skipDigits(bytes, at);
  }
  return at;
}

/** Skips one digit or more. */
function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  const end = bytes.length;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) break;
    at++;
  }
  return at === from ? BROKEN : at;
}

function withoutLineBreaks(payload: Buffer): Buffer {
  const kept = Buffer.allocUnsafe(payload.length);
  let length = 0;
  for (const byte of payload) if (byte !== LF && byte !== CR) kept[length++] = byte;
  return kept.subarray(0, length);
}
