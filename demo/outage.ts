// The books of one outage: what was missed, what came back, and whether each came once and in order.

import type { Offset } from '../client-sdk/types.js';

/** `cut`: the network is gone. `returning`: it is back, and what was missed is on its way. `over`: all accounted for. */
export type OutagePhase = 'cut' | 'returning' | 'over';

export interface OutageReport {
  readonly phase: OutagePhase;
  readonly missed: number;
  readonly recovered: number;
  /** Missed messages that history no longer held, as a gap told. */
  readonly gone: number;
  /** Deliveries beyond the first. */
  readonly repeated: number;
  readonly inOrder: boolean;
  /** From the cut until the last missed message was there, or until now. */
  readonly lastedMs: number;
}

/** Offsets are told apart by channel. */
type Place = `${string} ${Offset}`;

export class Outage {
  readonly #startedMs: number;
  readonly #missed = new Set<Place>();
  readonly #recovered = new Set<Place>();
  readonly #gone = new Set<Place>();
  /** Delivered before the witness told of them: not missed. */
  readonly #early = new Set<Place>();
  readonly #lastOffset = new Map<string, Offset>();
  #phase: OutagePhase = 'cut';
  #repeated = 0;
  #inOrder = true;
  #endedMs: number | undefined;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  get phase(): OutagePhase {
    return this.#phase;
  }

  /** Something was published that the page has not seen. What is published after the return is no longer missed. */
  miss(channel: string, offset: Offset): void {
    const place: Place = `${channel} ${offset}`;
    if (this.#phase === 'cut' && !this.#early.has(place)) this.#missed.add(place);
  }

  /** The page left a channel: nothing more is expected of it. */
  forget(channel: string): void {
    for (const place of this.#missed) {
      if (place.startsWith(`${channel} `) && !this.#recovered.has(place)) this.#missed.delete(place);
    }
  }

  /** The page is connected again: from now on messages come by themselves. */
  reconnected(nowMs: number): void {
    if (this.#phase !== 'cut') return;
    this.#phase = 'returning';
    this.#settle(nowMs);
  }

  /** Takes a delivered message; tells whether it was a missed one. */
  deliver(channel: string, offset: Offset | undefined, nowMs: number): boolean {
    if (offset === undefined) return false;
    const place: Place = `${channel} ${offset}`;
    if (!this.#missed.has(place)) {
      if (this.#phase === 'cut') this.#early.add(place);
      return false;
    }
    if (this.#recovered.has(place)) {
      this.#repeated++;
      return true;
    }
    if (offset <= (this.#lastOffset.get(channel) ?? '')) this.#inOrder = false;
    this.#lastOffset.set(channel, offset);
    this.#recovered.add(place);
    this.#settle(nowMs);
    return true;
  }

  /** Takes a gap: what was missed up to its offset is not coming. */
  gap(channel: string, offset: Offset, nowMs: number): void {
    for (const place of this.#missed) {
      const [name, at = ''] = place.split(' ');
      if (name === channel && at <= offset && !this.#recovered.has(place)) this.#gone.add(place);
    }
    this.#settle(nowMs);
  }

  report(nowMs: number): OutageReport {
    return {
      phase: this.#phase,
      missed: this.#missed.size,
      recovered: this.#recovered.size,
      gone: this.#gone.size,
      repeated: this.#repeated,
      inOrder: this.#inOrder,
      lastedMs: (this.#endedMs ?? nowMs) - this.#startedMs,
    };
  }

  #settle(nowMs: number): void {
    if (this.#phase !== 'returning' || this.#recovered.size + this.#gone.size < this.#missed.size) return;
    this.#phase = 'over';
    this.#endedMs = nowMs;
  }
}
