// Reads the whole body of a request of node:http, and keeps no more of it than it may have.

import type { IncomingMessage } from 'node:http';
import { GatheredBytes } from '../lib/gathered-bytes.js';

/** Calls `done` once: with the body, which belongs to the caller, or `undefined` past `maxBytes`; never, where its peer goes before. */
export function readWhole(req: IncomingMessage, maxBytes: number, done: (body: Buffer | undefined) => void): void {
  const body = new GatheredBytes();
  let isOver = false;
  req.on('data', (piece: Buffer) => {
    if (isOver) return;
    isOver = body.length + piece.length > maxBytes;
    if (!isOver) return body.adopt(piece);
    body.clear();
    done(undefined);
  });
  req.on('end', () => {
    if (!isOver) done(body.take());
  });
}
