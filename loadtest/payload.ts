// The payloads of a run: JSON of a fixed length that carries the time when it was due and its number, each at a fixed place.

/** What marks a payload in a stream of bytes; the digits of the time follow. */
export const PAYLOAD_MARK = Buffer.from('{"t":"');
const TIME_DIGITS = 16;
const BEFORE_NUMBER = '","n":"';
const NUMBER_DIGITS = 10;
const TIME_AT = PAYLOAD_MARK.length;
const NUMBER_AT = TIME_AT + TIME_DIGITS + BEFORE_NUMBER.length;
const BEFORE_FILLING = '","x":"';
const END = '"}';

/** The smallest payload there is. */
export const MIN_PAYLOAD_BYTES = NUMBER_AT + NUMBER_DIGITS + BEFORE_FILLING.length + END.length;

const DIGIT_ZERO = 48;

/** Microseconds of the monotonic clock, which every process of a machine shares. */
export function nowUs(): number {
  return Math.round(Number(process.hrtime.bigint() / 1000n));
}

/** A payload of exactly `bytes` that says when it was due and which one of its channel it is. */
export function makePayload(bytes: number, dueUs: number, number: number): string {
  const time = String(Math.round(dueUs)).padStart(TIME_DIGITS, '0');
  const filling = 'x'.repeat(Math.max(0, bytes - MIN_PAYLOAD_BYTES));
  return `{"t":"${time}${BEFORE_NUMBER}${String(number).padStart(NUMBER_DIGITS, '0')}${BEFORE_FILLING}${filling}${END}`;
}

/** Gives the payload that begins at `start` another time and number, in place. */
export function stampPayload(bytes: Buffer, start: number, dueUs: number, number: number): void {
  writeDigits(bytes, start + TIME_AT, TIME_DIGITS, dueUs);
  writeDigits(bytes, start + NUMBER_AT, NUMBER_DIGITS, number);
}

/** Where the next payload begins at or after `start`, or -1. `guess`: a place to look at first, as frames are all alike. */
export function findPayload(bytes: Buffer, start: number, guess: number): number {
  if (guess >= start && isMark(bytes, guess)) return guess;
  return bytes.indexOf(PAYLOAD_MARK, start);
}

/** The time in the payload that begins at `start`, in microseconds. */
export function readDueUs(bytes: Buffer, start: number): number {
  return readDigits(bytes, start + TIME_AT, TIME_DIGITS);
}

/** The number in the payload that begins at `start`. */
export function readNumber(bytes: Buffer, start: number): number {
  return readDigits(bytes, start + NUMBER_AT, NUMBER_DIGITS);
}

function isMark(bytes: Buffer, at: number): boolean {
  for (let index = 0; index < PAYLOAD_MARK.length; index += 1) {
    if (bytes[at + index] !== PAYLOAD_MARK[index]) return false;
  }
  return true;
}

function readDigits(bytes: Buffer, first: number, digits: number): number {
  let value = 0;
  for (let at = first; at < first + digits; at += 1) value = value * 10 + (bytes[at] ?? DIGIT_ZERO) - DIGIT_ZERO;
  return value;
}

function writeDigits(bytes: Buffer, first: number, digits: number, value: number): void {
  let rest = Math.round(value);
  for (let at = first + digits - 1; at >= first; at -= 1) {
    bytes[at] = DIGIT_ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
