// Finds where a reply of Redis ends, in RESP2 and RESP3.

const LF = 0x0a;
const CR = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Replies that are one line: texts, errors, numbers, null, booleans, big numbers. */
const LINE = 1;
/** Whose first line says how many bytes follow, and then a line's end. */
const BULK = 2;
/** Whose first line says how many replies follow; of a map, twice as many. */
const LIST = 3;
const MAP = 4;
/** A map that stands before the reply it belongs to. */
const ATTRIBUTE = 5;

const KINDS = new Uint8Array(256);
for (const type of '+-:_#,(') KINDS[type.charCodeAt(0)] = LINE;
for (const type of '$=!') KINDS[type.charCodeAt(0)] = BULK;
for (const type of '*>~') KINDS[type.charCodeAt(0)] = LIST;
KINDS['%'.charCodeAt(0)] = MAP;
KINDS['|'.charCodeAt(0)] = ATTRIBUTE;

/** Where a number ends that stands from `at` on: before its line's end; and the number. One copy serves all: it is read at once. */
export const line = { value: 0, end: 0 };

/** Reads the number of a line from `at` on into {@link line}; false when the line is not whole, or no number. */
export function readNumber(bytes: Buffer, at: number): boolean {
  const isNegative = bytes[at] === MINUS;
  let value = 0;
  let end = isNegative ? at + 1 : at;
  for (; end < bytes.length; end++) {
    const byte = bytes[end] as number;
    if (byte < ZERO || byte > NINE) break;
    value = value * 10 + byte - ZERO;
  }
  if (bytes[end] !== CR || bytes[end + 1] !== LF) return false;
  line.value = isNegative ? -value : value;
  line.end = end + 2;
  return true;
}

/**
 * Where the reply ends that begins at `begin`. Negative when it is not whole: so many bytes at least are needed from the
 * beginning of `bytes` on, with the sign turned. Not a number when it is no reply.
 */
export function endOfReply(bytes: Buffer, begin: number): number {
  let at = begin;
  for (let left = 1; left > 0; left--) {
    if (at >= bytes.length) return -(at + 1);
    const kind = KINDS[bytes[at] as number];
    if (kind === 0) return Number.NaN;
    const lineEnd = bytes.indexOf(LF, at);
    if (lineEnd === -1) return -(bytes.length + 1);
    if (kind === LINE) {
      at = lineEnd + 1;
      continue;
    }
    if (!readNumber(bytes, at + 1)) return Number.NaN;
    at = line.end;
    if (line.value < 0) continue;
    if (kind === BULK) at += line.value + 2;
    else left += kind === LIST ? line.value : 2 * line.value;
    if (kind === ATTRIBUTE) left += 1;
    if (at > bytes.length) return -at;
  }
  return at;
}
