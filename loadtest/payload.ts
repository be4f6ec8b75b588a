// The payloads of a run: JSON of a fixed length that carries the time of publishing at a fixed place.

/** What marks a payload in a stream of bytes; the digits of the time follow. */
export const TIME_MARK = Buffer.from('{"t":"');
const TIME_DIGITS = 16;
const OVERHEAD = TIME_MARK.length + TIME_DIGITS + '","x":""}'.length;

/** The smallest payload there is. */
export const MIN_PAYLOAD_BYTES = OVERHEAD;

/** Microseconds of the monotonic clock, which every process of a machine shares. */
export function nowUs(): number {
  return Math.round(Number(process.hrtime.bigint() / 1000n));
}

/** A payload of exactly `bytes` that says when it was made. */
export function makePayload(bytes: number): string {
  return `{"t":"${String(nowUs()).padStart(TIME_DIGITS, '0')}","x":"${'x'.repeat(Math.max(0, bytes - OVERHEAD))}"}`;
}

/** The time in the payload that begins at `start`. */
export function readTimeUs(bytes: Buffer, start: number): number {
  let us = 0;
  const first = start + TIME_MARK.length;
  for (let at = first; at < first + TIME_DIGITS; at += 1) us = us * 10 + (bytes[at] ?? 48) - 48;
  return us;
}
