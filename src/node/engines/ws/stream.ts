// An answer of unknown length on node:http.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpStream } from '../engine.js';
import { guarded } from '../guard.js';

export class WsStream implements HttpStream {
  readonly peerPort: number | undefined;
  /** A request that is still coming. */
  readonly #coming: IncomingMessage | undefined;
  readonly #res: ServerResponse;
  #ending = false;
  #drained: (() => void) | undefined;

  constructor(coming: IncomingMessage | undefined, res: ServerResponse, failed: (error: unknown) => void) {
    this.peerPort = res.socket?.remotePort;
    this.#coming = coming;
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

  /** Its peer's port is known. */
  handedBytes(): number {
    return 0;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  end(chunk?: string | Buffer): void {
    if (!this.#open()) return;
    if (chunk !== undefined) this.write(chunk);
    this.#ending = true;
    // It ends with the request at the earliest: what is left of that would stand before the next one.
    if (this.#coming === undefined || this.#coming.complete) this.#res.end();
    else this.#coming.once('end', () => this.#res.end());
  }

  destroy(): void {
    this.#res.destroy();
  }

  #open(): boolean {
    return !this.#res.destroyed && !this.#ending;
  }
}
