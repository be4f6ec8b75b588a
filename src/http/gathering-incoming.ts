// Requests of node:http that hold what has come of a body in one piece, until somebody reads it.

import { IncomingMessage } from 'node:http';
import { GatheredBytes } from '../lib/gathered-bytes.js';

/** Symbols, since most requests have neither. */
const HELD = Symbol('came, and nobody has read it');
const IS_ASKED = Symbol('whoever reads has found nothing');

/**
 * node:http reads ahead up to so many bytes of a body, and keeps each piece of them as a buffer of its own: with chunks of one
 * byte that is hundreds of times as much, for each of the requests that wait behind one another.
 */
export class GatheringIncoming extends IncomingMessage {
  declare [HELD]?: GatheredBytes | undefined;
  declare [IS_ASKED]?: boolean;

  /** Takes what the parser has: a piece of the body, or `null` for its end. */
  override push(piece: Buffer | null): boolean {
    const held = this[HELD];
    if (piece === null) {
      if (held !== undefined) this.#handOn(held);
      return super.push(null);
    }
    if (held === undefined && (this.readableFlowing === true || this[IS_ASKED] === true)) {
      this[IS_ASKED] = false;
      return super.push(piece);
    }
    this[HELD] ??= new GatheredBytes();
    this[HELD].add(piece);
    return this.readableLength + this[HELD].length < this.readableHighWaterMark;
  }

  override _read(size: number): void {
    const held = this[HELD];
    this[IS_ASKED] = held === undefined;
    if (held !== undefined) this.#handOn(held);
    super._read(size);
  }

  #handOn(held: GatheredBytes): void {
    this[HELD] = undefined;
    super.push(held.take());
  }
}
