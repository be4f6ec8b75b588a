// Sockets that have shown nothing yet, counted by address: one address has so many of them, and no more.

import { monotonicNowMs } from '../lib/clocks.js';
import { addressKey } from './address.js';

/** Specified: how long a socket counts at most. Whoever serves gives up a silent one before. */
const SLOTS = 12;
const SLOT_MS = 1_000;
/** Chosen: addresses that are counted at once; what comes from others is not, and bounded by all sockets only. */
const MAX_ADDRESSES = 100_000;
const UNCOUNTED = -1;

export interface HandshakeBound {
  /** Sockets of one address, an IPv6 network of 64 bits being one; 0 bounds nobody. */
  readonly max: number;
  /** Whether many stand behind an address, as behind a proxy that is trusted. */
  isShared(address: string): boolean;
  /** Hears of each socket that is refused. */
  refused(address: string): void;
}

/** Bounds nobody. */
export const NO_BOUND: HandshakeBound = { max: 0, isShared: () => false, refused: () => undefined };

/**
 * A socket counts from its beginning until it is known to have been let in, answered or closed, or for 12 s: an engine may not
 * know which of its sockets has gone. Seconds are slots of a ring, so that there is no timer.
 */
export class Handshakes {
  readonly #bound: HandshakeBound;
  readonly #clock: () => number;
  readonly #slots = Array.from({ length: SLOTS }, () => new Map<string, number>());
  readonly #totals = new Map<string, number>();
  #slot: number;
  /** Addresses with at least half of what they may have. */
  #crowded = 0;

  constructor(bound: HandshakeBound, clock = monotonicNowMs) {
    this.#bound = bound;
    this.#clock = clock;
    this.#slot = this.#now();
  }

  /** Counts a new socket; answers what {@link end} takes, `undefined` when it is to be refused. */
  begin(address: string): number | undefined {
    const { max } = this.#bound;
    if (max === 0) return UNCOUNTED;
    this.#turn();
    const key = addressKey(address);
    const total = this.#totals.get(key) ?? 0;
    if (total >= max) {
      if (this.#bound.isShared(address)) return UNCOUNTED;
      this.#bound.refused(address);
      return undefined;
    }
    if (total === 0 && this.#totals.size >= MAX_ADDRESSES) return UNCOUNTED;
    const slot = this.#at(this.#slot);
    slot.set(key, (slot.get(key) ?? 0) + 1);
    this.#change(key, total, 1);
    return this.#slot;
  }

  /** One socket of an address is no handshake any more; `begun` says which, else it is the oldest that counts. */
  end(address: string, begun?: number): void {
    if (this.#bound.max === 0 || begun === UNCOUNTED) return;
    this.#turn();
    const key = addressKey(address);
    if (!this.#totals.has(key)) return;
    const oldest = Math.max(0, this.#slot - SLOTS + 1);
    if (begun !== undefined) {
      if (begun >= oldest) this.#take(key, begun);
      return;
    }
    for (let slot = oldest; slot <= this.#slot; slot++) if (this.#take(key, slot)) return;
  }

  /** One that has made its upgrade: its 12 s begin anew. Answers what {@link end} takes. */
  renew(address: string, begun?: number): number | undefined {
    if (this.#bound.max === 0 || begun === UNCOUNTED) return UNCOUNTED;
    if (this.#isFresh(address, begun)) return this.#slot;
    this.end(address, begun);
    return this.begin(address);
  }

  /** Whether no socket counts, so that {@link end} has nothing to do: quick to ask. */
  get isEmpty(): boolean {
    return this.#totals.size === 0;
  }

  /** Whether there is an address for which {@link isCrowded} may hold: quick to ask. */
  get hasCrowd(): boolean {
    return this.#crowded > 0;
  }

  /** Whether an address has half of what it may have: whoever is answered there shall not keep its connection. */
  isCrowded(address: string): boolean {
    this.#turn();
    const total = this.#totals.get(addressKey(address)) ?? 0;
    return total * 2 >= this.#bound.max && total > 0 && !this.#bound.isShared(address);
  }

  /** Whether it began in this second; of one of which that is not known, whether all of its address did. */
  #isFresh(address: string, begun: number | undefined): boolean {
    this.#turn();
    if (begun !== undefined) return begun === this.#slot;
    const key = addressKey(address);
    const count = this.#at(this.#slot).get(key);
    return count !== undefined && count === this.#totals.get(key);
  }

  #take(key: string, at: number): boolean {
    const slot = this.#at(at);
    const count = slot.get(key);
    if (count === undefined) return false;
    if (count === 1) slot.delete(key);
    else slot.set(key, count - 1);
    this.#change(key, this.#totals.get(key) ?? 0, -1);
    return true;
  }

  #change(key: string, before: number, change: number): void {
    const now = before + change;
    if (now > 0) this.#totals.set(key, now);
    else this.#totals.delete(key);
    const { max } = this.#bound;
    this.#crowded += Number(now * 2 >= max) - Number(before * 2 >= max);
  }

  /** Forgets what began 12 s ago. */
  #turn(): void {
    const now = this.#now();
    const from = Math.max(this.#slot, now - SLOTS);
    for (let slot = from + 1; slot <= now; slot++) {
      const expired = this.#at(slot);
      for (const [key, count] of expired) this.#change(key, this.#totals.get(key) ?? 0, -count);
      expired.clear();
    }
    this.#slot = now;
  }

  #at(slot: number): Map<string, number> {
    return this.#slots[slot % SLOTS] ?? new Map();
  }

  #now(): number {
    return Math.floor(this.#clock() / SLOT_MS);
  }
}
