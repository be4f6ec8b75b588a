// A message without what the one before it in the same frame says: its type, its channel, and the beginning of its offset.

import { OFFSET_LENGTH, type Offset } from '../../protocol/index.js';
import { type ChannelMessage, OFFSET_AT } from './message.js';

const BRACE = 0x7b;

/**
 * Writes `message` into `memory`, from `at` on: at most the bytes of its frame. `before` is the last offset that stands in the frame before it;
 * all messages of a frame are of one channel. Answers how many bytes were written.
 */
export function writeBrief(message: ChannelMessage, before: Offset | undefined, memory: Buffer, at: number): number {
  const { frame, offset, bodyAt } = message;
  let end = at;
  let from = bodyAt;
  memory[end++] = BRACE;
  if (offset !== undefined && before !== undefined) {
    from += OFFSET_AT;
    end += frame.copy(memory, end, bodyAt, from);
    from += sharedLength(before, offset);
  }
  end += frame.copy(memory, end, from);
  return end - at;
}

/** How many characters two offsets have in common from the beginning, without the last: what is left of one is never empty. */
function sharedLength(one: Offset, other: Offset): number {
  let length = 0;
  while (length < OFFSET_LENGTH - 1 && one.charCodeAt(length) === other.charCodeAt(length)) length++;
  return length;
}
