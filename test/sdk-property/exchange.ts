// One exchange of HTTP as both ends see it: a request, and an answer that comes whole, in pieces, or never.

import type { RequestLike, ResponseLike } from '../../client-sdk/types.js';
import type { Random } from '../support/random.js';
import type { WorldClock } from './world-clock.js';

const aborted = () => Object.assign(new Error('aborted'), { name: 'AbortError' });
const terminated = () => new TypeError('terminated');

/** An RFC 9457 problem. */
export const problem = (code: string, more: object = {}): string =>
  JSON.stringify({ type: `urn:fanfare:problem:${code}`, title: code, code, ...more });

/** The pieces of a body: what was written waits for whoever reads. */
class Pieces {
  readonly #written: Uint8Array[] = [];
  #isEnded = false;
  #failure: Error | undefined;
  #reading: (() => void) | undefined;

  push(piece: Uint8Array): void {
    this.#written.push(piece);
    this.#reading?.();
  }

  end(failure?: Error): void {
    this.#isEnded = true;
    this.#failure = failure;
    this.#reading?.();
  }

  readonly #read = async (): Promise<{ done: boolean; value?: Uint8Array }> => {
    while (!this.#failure && !this.#written[0] && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#reading = resolve;
      });
    }
    if (this.#failure) throw this.#failure;
    const value = this.#written.shift();
    return value ? { done: false, value } : { done: true };
  };

  readonly json = async (): Promise<unknown> => {
    const decoder = new TextDecoder();
    for (let text = ''; ; ) {
      const { done, value } = await this.#read();
      if (done) return JSON.parse(text + decoder.decode());
      text += decoder.decode(value, { stream: true });
    }
  };

  readonly body = { getReader: () => ({ read: this.#read }) };
}

export class Exchange {
  readonly url: URL;
  readonly body: Record<string, unknown>;
  readonly token: string | undefined;
  /** Neither answered to the end nor given up. */
  isOpen = true;
  readonly #clock: WorldClock;
  readonly #random: Random;
  readonly #signal: RequestLike['signal'];
  readonly #encoder = new TextEncoder();
  readonly answer: Promise<ResponseLike>;
  #resolve: (response: ResponseLike) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #pieces: Pieces | undefined;
  #lastMs = 0;
  /** Called once it is over, whoever ended it. */
  onend: () => void = () => {};

  constructor(clock: WorldClock, random: Random, url: string, init: RequestLike) {
    this.#clock = clock;
    this.#random = random;
    this.url = new URL(url);
    this.body = JSON.parse(init.body ?? '{}');
    this.token = init.headers.Authorization?.replace('Bearer ', '');
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = init.signal;
    if (init.signal.aborted) this.#abort();
    else init.signal.addEventListener('abort', this.#abort);
  }

  readonly #abort = () => this.#end(aborted());

  #end(failure?: Error): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#signal.removeEventListener('abort', this.#abort);
    if (failure) this.#reject(failure);
    this.#pieces?.end(failure);
    this.onend();
  }

  /** What the server says comes to the page in order, each a little later. */
  #down(lagMs: number, what: () => void): void {
    const now = this.#clock.monotonic();
    this.#lastMs = Math.max(this.#lastMs, now + this.#random.below(lagMs + 1));
    this.#clock.page(this.#lastMs - now, () => this.isOpen && what());
  }

  #respond(status: number, headers: Readonly<Record<string, string>>, more: Partial<ResponseLike>): void {
    this.#resolve({
      ...{ ok: status >= 200 && status < 300, status },
      headers: { get: (name) => headers[name] ?? null },
      json: () => Promise.reject(new SyntaxError('no JSON')),
      ...more,
    });
  }

  /** Answers as a whole, or in pieces where `arrived` is told after the last. */
  respond(lagMs: number, status: number, text: string, headers = {}, arrived = () => {}): void {
    const isWhole = status > 299 || this.#random.chance(0.5);
    this.#down(lagMs, () => {
      if (isWhole) {
        this.#respond(status, headers, { json: async () => JSON.parse(text) });
        this.#end();
        return arrived();
      }
      this.stream(0, status, headers);
      for (const piece of this.#cut(text)) this.#down(lagMs, () => this.#pieces?.push(piece));
      this.#down(0, () => {
        this.#end();
        arrived();
      });
    });
  }

  /** Begins an answer that goes on. */
  stream(lagMs: number, status = 200, headers = {}): void {
    const pieces = new Pieces();
    const begin = () => {
      this.#pieces = pieces;
      this.#respond(status, headers, pieces);
    };
    if (lagMs) this.#down(lagMs, begin);
    else begin();
  }

  write(lagMs: number, text: string, arrived = () => {}): void {
    const pieces = this.#cut(text);
    for (const [index, piece] of pieces.entries()) {
      this.#down(lagMs, () => {
        this.#pieces?.push(piece);
        if (index === pieces.length - 1) arrived();
      });
    }
  }

  /** Mostly one; cut anywhere, in a character too. */
  #cut(text: string): readonly Uint8Array[] {
    const bytes = this.#encoder.encode(text);
    if (!this.#random.chance(0.15)) return [bytes];
    const at = this.#random.below(bytes.length);
    return [bytes.subarray(0, at), bytes.subarray(at)];
  }

  /** The server ends it behind what it has written. */
  finish(lagMs: number): void {
    this.#down(lagMs, () => this.#end());
  }

  /** The network loses it. */
  fail(lagMs: number): void {
    this.#clock.page(this.#random.below(lagMs + 1), () => this.#end(terminated()));
  }
}
