// Counts the payloads in a stretch of bytes by their mark, whatever stands around them.

import { MIN_PAYLOAD_BYTES, PAYLOAD_MARK } from '../payload.js';
import type { Tally } from './tally.js';

/** Tells the tally of every payload in `bytes` and returns how many bytes are done with: a payload cut off at the end is left. */
export function countPayloads(bytes: Buffer, place: number, tally: Tally): number {
  let done = 0;
  for (let at = bytes.indexOf(PAYLOAD_MARK); at >= 0; at = bytes.indexOf(PAYLOAD_MARK, done)) {
    if (at + MIN_PAYLOAD_BYTES > bytes.length) return at;
    tally.received(place, bytes, at);
    done = at + MIN_PAYLOAD_BYTES;
  }
  return Math.max(done, bytes.length - PAYLOAD_MARK.length + 1); // a mark may have begun
}
