// Writes the envelope of a logged message, as the function library does inside Redis.

import type { Offset } from '../../src/protocol/index.js';

export function encodeEnvelope(offset: Offset, previous: Offset, data: Buffer, from?: Buffer): Buffer {
  const head = Buffer.from(`\x011${offset}${previous}${from === undefined ? '\n' : ' '}`, 'latin1');
  return Buffer.concat(from === undefined ? [head, data] : [head, from, Buffer.from('\n'), data]);
}
