// The rules that what is asked of a broker must keep, whichever broker it is.

import { Buffer } from 'node:buffer';
import { FanfareError } from '../lib/errors.js';
import { type Begin, type Code, channelNameProblem, isAfter } from '../protocol/index.js';
import type { Publication } from './broker.js';

/** A scoped idempotency key: `b:` or `u:<sub>:`, then what the publisher chose. Chosen: room for the longest `sub`. */
const MAX_KEY_BYTES = 512;

/** Throws `bad_channel_name` when `channel` breaks a rule. */
export function checkChannel(channel: string): void {
  const problem = channelNameProblem(channel);
  if (problem !== undefined) throw new FanfareError('bad_channel_name', problem);
}

/** Throws `bad_idempotency_key` when a scoped key is not `b:…` or `u:…` in printable ASCII, or is too long. */
export function checkKey(key: string): void {
  if (!/^[bu]:[!-~]+$/.test(key) || key.length > MAX_KEY_BYTES) {
    const rule = 'a scoped key begins with "b:" or "u:" and has at most 512 printable ASCII characters';
    throw new FanfareError('bad_idempotency_key', rule);
  }
}

/** Throws `payload_too_large` when `data` has more bytes than a message may. */
export function checkSize(data: Buffer | string, maxMessageBytes: number): void {
  const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  if (bytes > maxMessageBytes) {
    throw new FanfareError('payload_too_large', `a message has at most ${maxMessageBytes} bytes, this one ${bytes}`);
  }
}

/** Throws `bad_offset` when `after` is neither an offset nor `-1` nor `now` nor a number of messages. */
export function checkAfter(after: Begin): void {
  const isGood = typeof after === 'string' ? isAfter(after) : Number.isSafeInteger(after.last) && after.last >= 0;
  if (!isGood) throw new FanfareError('bad_offset', 'a position is an offset, "-1", "now" or the last n messages');
}

/** Throws what is wrong with a publication itself. */
export function checkPublication({ channel, data, key }: Publication, maxMessageBytes: number): void {
  checkChannel(channel);
  checkSize(data, maxMessageBytes);
  if (key !== undefined) checkKey(key);
}

const REFUSALS: ReadonlySet<Code> = new Set<Code>([
  ...(['bad_channel_name', 'bad_idempotency_key', 'payload_too_large', 'idempotency_conflict'] as const),
]);

/** Whether a publish failed for what it is itself: no later attempt mends it, and those behind it may go on. */
export function isRefusal(error: FanfareError): boolean {
  return REFUSALS.has(error.code);
}
