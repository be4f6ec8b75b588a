// Offsets: a position in a channel, written so that text order is position order.

/** A position in a channel: 13 digits of Unix milliseconds, `-`, 16 digits of sequence. Opaque to clients. */
export type Offset = string;

/** Where a subscription begins: an offset, `-1` (start of history) or `now` (tail). */
export type After = Offset | '-1' | 'now';

/** So many messages before the tail; 0 is the tail. */
export interface LastMessages {
  readonly last: number;
}

/** Where a reader begins. */
export type Begin = After | LastMessages;

export const OFFSET_LENGTH = 30;
export const START = '-1';
export const NOW = 'now';

const OFFSET_PATTERN = /^\d{13}-\d{16}$/;

/** Whether `value` is written as an offset; it says nothing about whether a channel has it. */
export function isOffset(value: unknown): value is Offset {
  return typeof value === 'string' && value.length === OFFSET_LENGTH && OFFSET_PATTERN.test(value);
}

/** Whether `value` may stand as `after`. */
export function isAfter(value: unknown): value is After {
  return value === START || value === NOW || isOffset(value);
}

/** Writes a position as an offset. `seq` is an integer below 2^53. */
export function formatOffset(ms: number, seq: number): Offset {
  return `${String(ms).padStart(13, '0')}-${String(seq).padStart(16, '0')}`;
}

/** The parts of an offset. Throws `TypeError` when it is not written as one. */
export function parseOffset(offset: Offset): { readonly ms: number; readonly seq: number } {
  if (!isOffset(offset)) throw new TypeError('not an offset');
  return { ms: Number(offset.slice(0, 13)), seq: Number(offset.slice(14)) };
}
