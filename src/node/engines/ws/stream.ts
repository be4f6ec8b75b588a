// An answer of unknown length on node:http.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpStream } from '../engine.js';
import { guarded } from '../guard.js';
import { chunkOf } from './chunk.js';
import { takenAtOnce } from './direct-write.js';

export class WsStream implements HttpStream {
  readonly peerPort: number | undefined;
  /** A request that is still coming. */
  readonly #coming: IncomingMessage | undefined;
  readonly #res: ServerResponse;
  readonly #failed: (error: unknown) => void;
  #ending = false;
  #drained: (() => void) | undefined;

  constructor(coming: IncomingMessage | undefined, res: ServerResponse, failed: (error: unknown) => void) {
    this.peerPort = res.socket?.remotePort;
    this.#coming = coming;
    this.#res = res;
    this.#failed = failed;
    // Of its answer Node would tell only where that was written to itself.
    const { socket } = res;
    socket?.on('drain', this.#tellDrained);
    res.once('close', () => socket?.off('drain', this.#tellDrained));
  }

  write(data: string | Buffer): void {
    if (!this.#open() || data.length === 0) return;
    const { socket } = this.#res;
    // What the answer holds back, its head for one, goes first.
    if (socket === null || this.#res.writableLength > 0) this.#res.write(data);
    else this.#writeThrough(socket, data);
  }

  #writeThrough(socket: Socket, data: string | Buffer): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const chunk = this.#res.chunkedEncoding ? chunkOf(bytes) : bytes;
    const taken = takenAtOnce(socket, chunk);
    if (taken === 0) this.#res.write(data);
    else if (taken < chunk.length) socket.write(chunk.subarray(taken));
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

  readonly #tellDrained = (): void => {
    if (this.#drained !== undefined) guarded(this.#drained, this.#failed);
  };

  #open(): boolean {
    return !this.#res.destroyed && !this.#ending;
  }
}
