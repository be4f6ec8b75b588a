// Cursors of live reads, and the moments at which those end that found nothing: by both, readers who wait for the same ask in the same words.

import { textHash } from '../../lib/text-hash.js';
import type { Offset } from '../../protocol/index.js';

/** Chosen: below what proxies wait for, and rare enough for a silent channel. */
const MARK_EVERY_MS = 20_000;
/** Chosen: those who came without a cache between are not all answered in one turn. */
const SPREAD_MS = 1_000;
/** What a proxy in front has to wait for. */
export const LONGEST_WAIT_MS = MARK_EVERY_MS + SPREAD_MS;

/**
 * The next moment, in Unix milliseconds, at which a read of the channel that waits is answered that there was nothing. It is the same
 * for all who wait, on every node, whenever they came: from then on they are one group, however many they were before. Each channel
 * has moments of its own.
 */
export function nextMark(channel: string, nowMs: number): number {
  const shift = textHash(channel) % MARK_EVERY_MS;
  return nowMs + MARK_EVERY_MS - ((nowMs - shift) % MARK_EVERY_MS);
}

/** The moment before, at which the waits ended that were under way then. */
export function lastMark(channel: string, nowMs: number): number {
  return nextMark(channel, nowMs) - MARK_EVERY_MS;
}

/** How long a read waits that begins now, until a little after `markMs`. */
export function waitUntil(markMs: number, nowMs: number, random: () => number): number {
  return Math.max(0, markMs - nowMs) + Math.floor(random() * SPREAD_MS);
}

/**
 * What a live answer hands out: `stamp` is the time of the position that was reached, or of the mark at which the wait ended, or of the last
 * one where who comes to the tail of a channel that has been silent since is to wait with those who wait there. All who get there the same way
 * have the same; and it is never what the reader came with, so that no cache can answer it the same again.
 */
export function cursorAfter(stampMs: number, cursor: number | undefined): number {
  return cursor === undefined || stampMs > cursor ? stampMs : cursor + 1;
}

/** When the message at a position was published, in Unix milliseconds. */
export function timeOf(offset: Offset): number {
  return Number(offset.slice(0, 13));
}
