// A small hash of a text, for choices that have to come out alike on every node; it keeps nobody from guessing.

/** FNV-1a (Fowler, Noll, Vo), 32 bits, with MurmurHash3's last mixing, so that each bit depends on the whole text. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
