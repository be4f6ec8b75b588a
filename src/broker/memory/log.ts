// One channel's log in memory: appends, trims, and judges positions by the same rules as fanfare-lua.ts.

import type { NamespaceOptions } from '../../config/namespaces.js';
import { type Begin, formatOffset, NOW, type Offset, parseOffset, START } from '../../protocol/index.js';
import type { HistoryPage, LogEntry, PageLimit } from '../broker.js';

/** `seq` is tag × 2^20 + counter. */
const COUNTERS = 2 ** 20;
/** A history in Redis counts from a multiple of this of its own; in memory from 0. */
const STRIDE = 1_024;
/** Chosen: what an entry costs besides its data, for the broker's memory bound. */
const ENTRY_OVERHEAD_BYTES = 300;

/** The offset after `previous`: of this millisecond where it sorts higher, else of the one after the previous. */
export function nextOffset(previous: Offset, nowMs: number, tag: number): Offset {
  const { ms, seq } = parseOffset(previous);
  const previousTag = Math.floor(seq / COUNTERS);
  if (nowMs === ms && tag === previousTag && (seq + 1) % COUNTERS !== 0) return formatOffset(ms, seq + 1);
  const first = tag * COUNTERS + Math.floor((seq % COUNTERS) / STRIDE) * STRIDE;
  if (nowMs > ms || (nowMs === ms && tag > previousTag)) return formatOffset(nowMs, first);
  return formatOffset(ms + 1, first);
}

function tagOf(offset: Offset): number {
  return Math.floor(parseOffset(offset).seq / COUNTERS);
}

export class MemoryLog {
  /** The newest position. */
  tail: Offset;
  /** Where this history began: nothing before it was ever known here. */
  readonly #begin: Offset;
  readonly #tag: number;
  readonly #options: NamespaceOptions;
  #entries: LogEntry[] = [];
  #bytes = 0;

  /** `before` is the newest position of a history that was deleted: all offsets of this one sort behind it. */
  constructor(options: NamespaceOptions, nowMs: number, tag: number, before?: Offset) {
    this.#options = options;
    this.#tag = tag;
    this.#begin = before === undefined ? formatOffset(nowMs, tag * COUNTERS) : nextOffset(before, nowMs, tag);
    this.tail = this.#begin;
  }

  /** What its entries hold in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing was ever appended. */
  get isUntouched(): boolean {
    return this.tail === this.#begin;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  append(data: Buffer, from: Buffer | undefined, nowMs: number): LogEntry {
    const entry = { offset: nextOffset(this.tail, nowMs, this.#tag), previous: this.tail, data, from };
    this.#entries.push(entry);
    this.#bytes += cost(entry);
    this.tail = entry.offset;
    while (this.#entries.length > this.#options.historySize) this.dropFirst();
    this.trim(nowMs);
    return entry;
  }

  /** Drops what is older than `historyTtl`. */
  trim(nowMs: number): void {
    const oldest = formatOffset(Math.max(0, nowMs - this.#options.historyTtlMs), 0);
    for (let first = this.#entries[0]; first !== undefined && first.offset < oldest; first = this.#entries[0]) {
      this.dropFirst();
    }
  }

  dropFirst(): void {
    const dropped = this.#entries.shift();
    if (dropped !== undefined) this.#bytes -= cost(dropped);
  }

  read(after: Begin, limit: PageLimit, nowMs: number): HistoryPage {
    this.trim(nowMs);
    const origin = this.#entries[0]?.previous ?? this.tail;
    if (typeof after !== 'string') return this.#page(this.#beforeLast(after.last), undefined, limit);
    if (after === START) return this.#page(origin, undefined, limit);
    if (after === NOW || after === this.tail) return this.#page(this.tail, undefined, limit);
    if (after === origin || this.#entries[this.#indexAfter(after) - 1]?.offset === after) {
      return this.#page(after, undefined, limit);
    }
    if (after < this.#begin) return this.#page(origin, 'lost', limit);
    if (after < origin) return this.#page(origin, this.isEmpty ? 'expired' : 'trimmed', limit);
    return this.#page(this.#lastOfSameMaster(after) ?? origin, 'rewritten', limit);
  }

  /** The position before the last `count` messages, or before the oldest. */
  #beforeLast(count: number): Offset {
    return this.#entries[Math.max(0, this.#entries.length - count)]?.previous ?? this.tail;
  }

  #page(start: Offset, gap: HistoryPage['gap'], limit: PageLimit): HistoryPage {
    const entries: LogEntry[] = [];
    let index = this.#indexAfter(start);
    let bytes = 0;
    while (index < this.#entries.length && entries.length < limit.maxEntries && bytes < limit.maxBytes) {
      const entry = this.#entries[index++];
      if (entry === undefined) break;
      entries.push(entry);
      bytes += entry.data.length + (entry.from?.length ?? 0);
    }
    return { start, gap, entries, tail: this.tail, more: index < this.#entries.length };
  }

  /** All its entries were made by one. */
  #lastOfSameMaster(offset: Offset): Offset | undefined {
    return tagOf(offset) === this.#tag ? this.#entries[this.#indexAfter(offset) - 1]?.offset : undefined;
  }

  /** Index of the first entry above `offset`. */
  #indexAfter(offset: Offset): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && entry.offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function cost(entry: LogEntry): number {
  return entry.data.length + (entry.from?.length ?? 0) + ENTRY_OVERHEAD_BYTES;
}
