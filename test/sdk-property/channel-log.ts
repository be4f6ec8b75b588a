// What a channel has been told, as a broker keeps it: the oldest messages may be gone, a failover forgets the newest, a flush all.

import type { Begin } from '../../src/protocol/index.js';

/** The n-th offset of a channel, of a life of its log. */
export const offset = (n: number, life = 0): string => `${1_795_342_704_012 + life}-${String(n).padStart(16, '0')}`;

export interface Entry {
  readonly offset: string;
  readonly data: unknown;
}

interface Hole {
  readonly after: string;
  readonly offset: string;
  readonly reason: 'trimmed' | 'lost' | 'rewritten';
}

export class ChannelLog {
  #kept: Entry[] = [];
  /** The position before the first that is kept. */
  base = offset(0);
  /** Positions before this one were flushed. */
  #flushedAt = '';
  /** How often it was flushed or rewritten. */
  life = 0;
  #n = 0;
  /** Positions that a failover has forgotten. */
  readonly #dropped = new Set<string>();
  /** Of every message that there ever was: the position before it, and what it says. */
  readonly known = new Map<string, { readonly previous: string; readonly data: unknown }>();

  get tail(): string {
    return this.#kept.at(-1)?.offset ?? this.base;
  }

  get positions(): readonly string[] {
    return [this.base, ...this.#kept.map((entry) => entry.offset)];
  }

  append(data: unknown): Entry {
    const entry = { offset: offset(++this.#n, this.life), data };
    this.known.set(entry.offset, { previous: this.tail, data });
    this.#kept.push(entry);
    return entry;
  }

  trim(keep: number): void {
    const gone = this.#kept.splice(0, Math.max(0, this.#kept.length - keep));
    this.base = gone.at(-1)?.offset ?? this.base;
  }

  /** A failover loses the newest. */
  rewrite(count: number): void {
    const gone = this.#kept.splice(Math.max(0, this.#kept.length - count));
    for (const entry of gone) this.#dropped.add(entry.offset);
    this.#n -= gone.length;
    this.life++;
  }

  flush(): void {
    this.#kept = [];
    this.life++;
    this.#n = 0;
    this.base = this.#flushedAt = offset(0, this.life);
  }

  /** What a position that is none any more has been answered with, if it is that. */
  hole(after: string): Hole | undefined {
    if (after < this.#flushedAt) return { after, offset: this.base, reason: 'lost' };
    if (this.#dropped.has(after)) {
      const before = this.positions.filter((one) => one < after).at(-1) ?? this.base;
      return { after, offset: before, reason: 'rewritten' };
    }
    return after < this.base ? { after, offset: this.base, reason: 'trimmed' } : undefined;
  }

  /** Where a reader is let in, and what it is told first. */
  enter(after: Begin): { readonly at: string; readonly gap?: Hole } {
    if (typeof after === 'object') return { at: this.last(after.last) };
    if (after === 'now') return { at: this.tail };
    if (after === '-1') return { at: this.base };
    const gap = this.hole(after);
    return gap ? { at: gap.offset, gap } : { at: after };
  }

  after(at: string): readonly Entry[] {
    return this.#kept.filter((entry) => entry.offset > at);
  }

  /** Where the last `count` begin. */
  last(count: number): string {
    return this.positions.at(-1 - count) ?? this.base;
  }
}
