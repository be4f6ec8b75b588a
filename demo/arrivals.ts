// Tells apart what came at once and what was caught up with: history at first, recovered messages after an interruption.

import type { Arrival } from './feed.js';

/** Catching up takes no longer; a timestamp older than that is another clock's. */
const WINDOW_MS = 10_000;
/** What says nothing of when it was published counts as caught up with when it comes so soon. */
const BURST_MS = 150;

export class Arrivals {
  readonly #channels = new Map<string, { readonly sinceMs: number; readonly kind: Arrival }>();

  /** A subscription was confirmed. The first one of a channel is followed by its history. */
  subscribed(channel: string, nowMs: number): void {
    this.#channels.set(channel, { sinceMs: nowMs, kind: this.#channels.has(channel) ? 'recovered' : 'history' });
  }

  /** The next subscription is a first one. */
  forget(channel: string): void {
    this.#channels.delete(channel);
  }

  kindOf(channel: string, sentAtMs: number | undefined, nowMs: number): Arrival {
    const began = this.#channels.get(channel);
    if (began === undefined || nowMs - began.sinceMs > WINDOW_MS) return 'live';
    const earlier = sentAtMs === undefined ? nowMs - began.sinceMs < BURST_MS : sentAtMs < began.sinceMs;
    return earlier ? began.kind : 'live';
  }
}
