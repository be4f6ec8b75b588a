// One budget for all that links have not taken yet: each has a bound of its own, and all of them together have this one.

import { after } from '../../lib/timers.js';
import type { EndedStream, Link, Links } from './links.js';

/** Chosen: so often is it looked how much memory the process has; links are asked only where that is more than the budget. */
const LOOK_AFTER_MS = 100;
/** Chosen: the same for a process that has less than half of it. */
const CALM_AFTER_MS = 500;
/** Chosen: links are cut until so much of the budget is in use, so that not every look finds it passed again. */
const DOWN_TO = 0.75;

export interface BufferBudgetParts {
  readonly links: Links;
  readonly maxBytes: number;
  readonly residentBytes: () => number;
}

/**
 * What waits is memory: a process that has less than the budget in memory has not that much waiting. So idle links cost nothing,
 * and none is asked while a write is under way.
 */
export class BufferBudget {
  readonly #parts: BufferBudgetParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: BufferBudgetParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#lookAgain(this.#parts.residentBytes());
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Unsent bytes of all links. Asks every one of them. */
  waitingBytes(): number {
    return sumOf(this.#waiting());
  }

  /** Cuts the links with the most unsent bytes where all links together have more than the budget. */
  look(residentBytes = this.#parts.residentBytes()): void {
    const { maxBytes } = this.#parts;
    if (residentBytes < maxBytes) return;
    const waiting = this.#waiting();
    let sum = sumOf(waiting);
    if (sum <= maxBytes) return;
    waiting.sort((a, b) => b.bytes - a.bytes);
    for (const { bytes, cut } of waiting) {
      if (sum <= maxBytes * DOWN_TO) return;
      sum -= bytes;
      cut();
    }
  }

  #lookAgain(residentBytes: number): void {
    this.stop();
    const afterMs = residentBytes < this.#parts.maxBytes / 2 ? CALM_AFTER_MS : LOOK_AFTER_MS;
    this.#timer = after(afterMs, () => {
      // Asked once: it is a file that is read.
      const nowBytes = this.#parts.residentBytes();
      this.#lookAgain(nowBytes);
      this.look(nowBytes);
    });
  }

  #waiting(): Waiting[] {
    const { links } = this.#parts;
    return [...waitingLinks(links.all()), ...waitingStreams(links.ended)];
  }
}

function sumOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, { bytes }) => sum + bytes, 0);
}

interface Waiting {
  readonly bytes: number;
  readonly cut: () => void;
}

function* waitingLinks(links: Iterable<Link>): Generator<Waiting> {
  for (const link of links) {
    const bytes = link.bufferedBytes() + (link.held?.bytes ?? 0);
    if (bytes > 0) yield { bytes, cut: () => link.cut() };
  }
}

function* waitingStreams(streams: Iterable<EndedStream>): Generator<Waiting> {
  for (const stream of streams) {
    const bytes = stream.bufferedBytes();
    if (bytes > 0) yield { bytes, cut: () => stream.destroy() };
  }
}
