// An answer of unknown length on node:http.

import type { ServerResponse } from 'node:http';
import type { HttpStream } from '../engine.js';
import { guarded } from '../guard.js';

export class WsStream implements HttpStream {
  readonly #res: ServerResponse;
  #drained: (() => void) | undefined;

  constructor(res: ServerResponse, failed: (error: unknown) => void) {
    this.#res = res;
    res.on('drain', () => {
      const drained = this.#drained;
      if (drained !== undefined) guarded(drained, failed);
    });
  }

  write(chunk: string | Buffer): void {
    if (this.#open() && chunk.length > 0) this.#res.write(chunk);
  }

  bufferedBytes(): number {
    return this.#res.destroyed ? 0 : this.#res.writableLength;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  end(chunk?: string | Buffer): void {
    if (!this.#open()) return;
    if (chunk === undefined) this.#res.end();
    else this.#res.end(chunk);
  }

  destroy(): void {
    this.#res.destroy();
  }

  #open(): boolean {
    return !this.#res.destroyed && !this.#res.writableEnded;
  }
}
