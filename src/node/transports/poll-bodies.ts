// Bodies of polls that have been decoded lately: who waits on one channel at one position asks for it in the same words.

import type { Decoded } from '../../protocol/index.js';

/** Chosen: a few channels that many follow, each with the position before. */
const MAX_KNOWN = 16;
/** Longer ones name many channels, and are one client's own. */
const MAX_LENGTH = 512;

/** Decodes as `decode` does. Of the same text it answers the same object, while that is among those decoded last. */
export function rememberingDecoder<T>(decode: (body: string) => Decoded<T>): (body: string) => Decoded<T> {
  const known = new Map<string, Decoded<T>>();
  return (body) => {
    const found = known.get(body);
    if (found !== undefined) return found;
    const decoded = decode(body);
    if (!decoded.ok || body.length > MAX_LENGTH) return decoded;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(body, decoded);
    return decoded;
  };
}
