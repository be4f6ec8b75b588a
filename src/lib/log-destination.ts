// Where log lines go: a descriptor that nobody waits for, with a bound for what its reader has not taken.

import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { monotonicNowMs } from './clocks.js';
import { after } from './timers.js';

/** Chosen: lines that wait for a reader which stalls. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Chosen: how often such a reader is tried again. */
const RETRY_MS = 20;
/** Chosen: how long the end of the process waits for it. */
const LAST_MS = 500;
const LOOK_EVERY_MS = 5;

/** A line is with the descriptor when {@link write} returns, unless others wait before it; the rest is written at the process's end. */
export class LogDestination {
  readonly #fd: number;
  readonly #maxWaitingBytes: number;
  /** Has a pipe or socket never wait; it is not written through, as nobody could say how far that has come. */
  readonly #nonBlocking: Socket | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Lines that are lost. */
  dropped = 0;
  /** Told, once the reader has caught up, how many lines it did not take in time; it may write. */
  onCaughtUp: (lines: number) => void = () => {};
  /** Lost for want of room, and not told yet. */
  #untold = 0;

  constructor(fd: number, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#fd = fd;
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#nonBlocking = nonBlocking(fd);
    process.once('exit', () => this.flush());
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes.length > this.#maxWaitingBytes) {
      this.dropped++;
      this.#untold++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length === 1) this.#drain();
  }

  /** Waits a little for a reader that is only slow. For the end of the process. */
  flush(): void {
    const untilMs = monotonicNowMs() + (this.#nonBlocking === undefined ? 0 : LAST_MS);
    this.#drain();
    while (this.#waiting.length > 0 && monotonicNowMs() < untilMs) {
      Atomics.wait(SLEEPER, 0, 0, LOOK_EVERY_MS);
      this.#drain();
    }
    clearTimeout(this.#retry);
  }

  /** Writes what the descriptor takes now. */
  #drain(): void {
    clearTimeout(this.#retry);
    let done = 0;
    for (const line of this.#waiting) {
      const rest = this.#take(line);
      this.#waitingBytes -= line.length - (rest?.length ?? 0);
      if (rest !== undefined) {
        this.#waiting[done] = rest;
        break;
      }
      done++;
    }
    this.#waiting = done === 0 ? this.#waiting : this.#waiting.slice(done);
    if (this.#waiting.length > 0) this.#retry = after(RETRY_MS, () => this.#drain()).unref();
    else this.#tellLoss();
  }

  #tellLoss(): void {
    const lines = this.#untold;
    this.#untold = 0;
    if (lines > 0) this.onCaughtUp(lines);
  }

  /** Answers what is left of a line; `undefined` when it is written, or lost because nobody can read it any more. */
  #take(line: Buffer): Buffer | undefined {
    let at = 0;
    while (at < line.length) {
      try {
        at += writeSync(this.#fd, line, at);
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return line.subarray(at);
        this.dropped++;
        return undefined;
      }
    }
    return undefined;
  }
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

/** Files and terminals are written to as ever; opening a pipe or socket as a stream makes writing to it never wait. */
function nonBlocking(fd: number): Socket | undefined {
  try {
    const kind = fstatSync(fd);
    if (!kind.isFIFO() && !kind.isSocket()) return undefined;
    return new Socket({ fd, readable: false, writable: true }).unref();
  } catch {
    // No such descriptor: then every line is lost, and counted.
    return undefined;
  }
}
