// Whether one link may be sent another message now: its limits, and whether it has read what it was sent.

import { after } from '../../lib/timers.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';
import type { FollowerSink } from './follower.js';

export interface GateParts {
  readonly sink: Pick<FollowerSink, 'bufferedBytes' | 'drained'>;
  /** A message passes all of them, or none. */
  readonly limiters: readonly RateLimiter[];
  /** The most units that {@link Gate.opens} waits for: what any of the limits ever has at once. */
  readonly burst: number;
  /** Unsent bytes above which the link is slow. */
  readonly aheadBytes: number;
  /** By which the limits count. */
  readonly nowMs: () => number;
}

/** Chosen: who is waited for is looked at again so soon, whatever the limits say. */
const MAX_WAIT_MS = 60_000;

/** Its one timer ends with {@link close}. */
export class Gate {
  readonly #parts: GateParts;
  #timer: NodeJS.Timeout | undefined;
  /** What waits for it to open. */
  #waiting: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Whether somebody waits for it to open. */
  get isAwaited(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether so many messages, or as many as ever may at once, can pass now. */
  isOpen(messages = 1): boolean {
    const { sink, aheadBytes } = this.#parts;
    return sink.bufferedBytes() <= aheadBytes && this.#waitMs(messages) === 0;
  }

  /** One message passes. Only while {@link isOpen}. */
  pass(): void {
    const { limiters, nowMs } = this.#parts;
    for (const limiter of limiters) limiter.take(1, nowMs());
  }

  /** Calls `then` once so many may pass; one caller at a time, who asks again whether it is so. */
  opens(messages: number, then: () => void): void {
    if (this.#isClosed) return then();
    if (this.#waiting !== undefined) return;
    this.#waiting = then;
    const { sink, aheadBytes } = this.#parts;
    if (sink.bufferedBytes() > aheadBytes) void sink.drained().then(() => this.#open());
    else this.#timer = after(Math.min(MAX_WAIT_MS, this.#waitMs(messages)), () => this.#open());
  }

  /** Whoever waits waits no longer, and is called. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const then = this.#waiting;
    this.#waiting = undefined;
    then?.();
  }

  #waitMs(messages: number): number {
    const { limiters, burst, nowMs } = this.#parts;
    let longestMs = 0;
    for (const limiter of limiters) {
      const { retryAfterMs } = limiter.peek(Math.min(messages, burst), nowMs());
      if (retryAfterMs > longestMs) longestMs = retryAfterMs;
    }
    return longestMs;
  }
}
