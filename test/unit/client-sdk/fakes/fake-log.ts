// What a channel has been told, as a broker keeps it: numbered messages of which the oldest may be gone.

import { offset } from './world.js';

/** Where a reader is let in, and what it is told first. */
export interface Entry {
  /** The number of the message before the first that follows. */
  readonly at: number;
  readonly gap?: { readonly after: string; readonly offset: string; readonly reason: 'trimmed' };
}

export class FakeLog {
  /** The number of the newest message, and of the oldest that is kept. */
  tail = 0;
  first = 1;

  trim(keep: number): void {
    this.first = Math.max(this.first, this.tail - keep + 1);
  }

  enter(after: string): Entry {
    if (after === 'now') return { at: this.tail };
    if (after === '-1') return { at: this.first - 1 };
    const at = Number(after.slice(14));
    if (at >= this.first - 1) return { at };
    return { at: this.first - 1, gap: { after, offset: offset(this.first - 1), reason: 'trimmed' } };
  }

  /** The numbers of the messages after one. */
  after(at: number): number[] {
    return Array.from({ length: this.tail - at }, (_, index) => at + 1 + index);
  }
}
