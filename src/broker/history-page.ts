// Decodes the flat answer of the library's read function into a page of history.

import { FanfareError } from '../lib/errors.js';
import { type GapReason, isOffset, type Offset, START } from '../protocol/index.js';
import type { HistoryPage, LogEntry } from './broker.js';
import { isSender } from './envelope.js';
import { normalise } from './payload.js';

const HEAD = 5;
const LAST = /^last:(\d{1,4}):\d{13}-\d{16}$/;
const GAP_REASONS: ReadonlySet<string> = new Set<GapReason>(['trimmed', 'expired', 'lost', 'rewritten']);

/** Of a channel that has no position yet, and is not to be given one. */
export const NOTHING_YET: HistoryPage = { start: START, gap: undefined, entries: [], tail: START, more: false };

/** A page, and whether the channel's opened tail is due to be renewed. */
export interface ReadAnswer {
  readonly page: HistoryPage;
  readonly renew: boolean;
}

/**
 * Reads `[start, reason or '', tail, more, renew, (offset, data, sender or '')…]`. Each entry's predecessor is the offset
 * before it: the function ends a page before a hole. `maxMessageBytes` is what {@link normalise} keeps to. Throws `internal` when the answer is something else: whoever
 * may load functions may have replaced ours.
 */
export function decodeHistoryPage(answer: unknown, maxMessageBytes: number): ReadAnswer {
  if (!Array.isArray(answer) || answer.length < HEAD) throw malformed();
  const values: readonly unknown[] = answer;
  const start = offsetIn(values[0]);
  const reason = text(values[1]);
  const entries: LogEntry[] = [];
  let previous: Offset = start;
  for (let i = HEAD; i + 2 < values.length; i += 3) {
    const offset = offsetIn(values[i]);
    if (offset <= previous) throw malformed();
    const from = bytes(values[i + 2]);
    const data = normalise(bytes(values[i + 1]), maxMessageBytes);
    entries.push({ offset, previous, data, from: isSender(from) ? from : undefined });
    previous = offset;
  }
  const gap = reason === '' ? undefined : isGapReason(reason) ? reason : 'unknown';
  const page = { start, gap, entries, tail: offsetIn(values[2]), more: Number(values[3]) === 1 };
  // Whoever reads on would do so for ever.
  if (page.more && entries.length === 0) throw malformed();
  return { page, renew: Number(values[4]) === 1 };
}

/**
 * What to ask for instead, where the answer is nothing more than that: `last:<count>:<offset>`, of fewer messages than were
 * `left` to look back over. Throws `internal` where it asks for something else.
 */
export function restOf(answer: unknown, left: number): { readonly begin: string; readonly left: number } | undefined {
  if (!Array.isArray(answer) || answer.length !== 1) return undefined;
  const begin = text(answer[0]);
  const count = Number(LAST.exec(begin)?.[1] ?? Number.NaN);
  if (count < left) return { begin, left: count };
  throw malformed();
}

function isGapReason(reason: string): reason is GapReason {
  return GAP_REASONS.has(reason);
}

function bytes(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw malformed();
}

function text(value: unknown): string {
  return bytes(value).toString('latin1');
}

function offsetIn(value: unknown): Offset {
  const offset = text(value);
  if (isOffset(offset)) return offset;
  throw malformed();
}

function malformed(): FanfareError {
  return new FanfareError('internal', 'the read function in Redis answered something else than a page');
}
