// Appends the events of one process to its own history file.

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { HistoryEvent, Instant } from './history.js';

const FLUSH_EVERY_MS = 200;
const FLUSH_AT_BYTES = 262_144;

/** An event without what the writer adds. Distributes over the union. */
export type Noted = HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 't' | 'process'> : never) : never;

/** The machine's monotonic clock in milliseconds, the same for all processes. */
export function instant(): Instant {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export class HistoryWriter {
  readonly #process: string;
  readonly #file: number;
  readonly #timer: NodeJS.Timeout;
  #pending = '';

  constructor(directory: string, name: string) {
    this.#process = name;
    this.#file = openSync(join(directory, `${name}.jsonl`), 'a');
    this.#timer = setInterval(() => this.flush(), FLUSH_EVERY_MS);
  }

  note(event: Noted, t: Instant = instant()): void {
    this.#pending += `${JSON.stringify({ t, process: this.#process, ...event })}\n`;
    if (this.#pending.length > FLUSH_AT_BYTES) this.flush();
  }

  flush(): void {
    if (this.#pending === '') return;
    writeSync(this.#file, this.#pending);
    this.#pending = '';
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
    closeSync(this.#file);
  }
}
