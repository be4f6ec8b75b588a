// Judges what one subscriber was told of one channel against the log: neighbours, or exactly one gap that covers the hole.

import type { FeedEvent } from './feed.js';

/** What was published on a channel, in the log's order. */
export class PublishedLog {
  readonly historySize: number;
  readonly #offsets: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #values: unknown[] = [];

  constructor(historySize: number) {
    this.historySize = historySize;
  }

  get size(): number {
    return this.#offsets.length;
  }

  get last(): string {
    return this.#offsets.at(-1) ?? '';
  }

  add(offset: string, value: unknown): void {
    this.#indexes.set(offset, this.size);
    this.#offsets.push(offset);
    this.#values.push(value);
  }

  /** -1 for the position before the first message. Throws for what is no position of the log. */
  indexOf(offset: string): number {
    const index = this.#indexes.get(offset);
    if (index !== undefined) return index;
    if (this.size === 0 || offset < (this.#offsets[0] ?? '')) return -1;
    throw new Error(`${offset} is no position of the log`);
  }

  valueAt(index: number): unknown {
    return this.#values[index];
  }
}

/** One subscriber's view of one channel. Every method throws, with the last events, when a promise is broken. */
export class Judge {
  readonly #log: PublishedLog;
  readonly #recent: string[] = [];
  /** `undefined` until the first message after `-1` by a poll, which does not say where it began. */
  position: string | undefined;
  messages = 0;
  gaps = 0;

  constructor(log: PublishedLog) {
    this.#log = log;
  }

  /** It resumes or begins: what `asked` names is answered next. */
  asked(after: string, how: string): void {
    this.#note(`asks after ${after} by ${how}`);
  }

  /** `after` is what was asked for; `undefined` where a subscription that stands was asked for again. */
  subscribed({ offset = '', recovered }: FeedEvent, after: string | undefined): void {
    this.#note(`subscribed ${offset} ${recovered === true ? 'recovered' : 'with a gap'}`);
    if (after === undefined) this.#expect(offset === this.position, 'repeated: not the current position');
    else if (after !== 'now' && after !== '-1' && recovered === true) {
      this.#expect(offset === after, 'recovered: not where it was asked for');
    }
    // Not recovered: the gap that follows tells, and begins at what was asked for.
    this.position = recovered === true || after === undefined ? offset : after;
    if (after === 'now' || after === '-1') this.position = offset;
  }

  message({ offset = '', data }: FeedEvent): void {
    this.#note(`message ${offset}`);
    const index = this.#indexOf(offset);
    this.#expect(JSON.stringify(data) === JSON.stringify(this.#log.valueAt(index)), 'not what was published there');
    if (this.position !== undefined) {
      this.#expect(index === this.#indexOf(this.position) + 1, `not the neighbour of ${this.position}`);
    }
    this.position = offset;
    this.messages++;
  }

  gap({ after, offset = '' }: FeedEvent): void {
    this.#note(`gap ${String(after)} ${offset}`);
    if (this.position !== undefined) {
      this.#expect(after === this.position, `the gap does not begin at ${this.position}`);
      this.#expect(this.#indexOf(offset) > this.#indexOf(this.position), 'the gap covers nothing');
    }
    const stillThere = this.#log.size - this.#log.historySize;
    this.#expect(this.#indexOf(offset) < stillThere, 'the gap covers what history still holds');
    this.position = offset;
    this.gaps++;
  }

  #indexOf(offset: string): number {
    try {
      return this.#log.indexOf(offset);
    } catch (error) {
      return this.#expect(false, String(error));
    }
  }

  #expect(holds: boolean, what: string): number {
    if (!holds) throw new Error(`${what}\n  ${this.#recent.join('\n  ')}`);
    return 0;
  }

  #note(event: string): void {
    this.#recent.push(event);
    if (this.#recent.length > 12) this.#recent.shift();
  }
}
