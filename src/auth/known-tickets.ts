// Tickets that have been verified, known again by their text: the one place that remembers them, and forgets them.

import { LRUCache } from 'lru-cache';
import type { Identity } from './identity.js';

/** Of HMAC-SHA256 in base64url. */
const SIGNATURE_CHARS = 43;

interface Known {
  readonly text: string;
  readonly identity: Identity;
}

/**
 * Found by the signature, since making a key of the whole text takes ten times as long as comparing it. Good signatures of two
 * texts are not the same; where a bad text bears a good signature, it is another text.
 */
export class KnownTickets {
  readonly #bySignature: LRUCache<string, Known>;

  /** Least recently used first, beyond `max` of them, or `maxChars` of text. */
  constructor(max: number, maxChars: number) {
    this.#bySignature = new LRUCache({ max, maxSize: maxChars, sizeCalculation: ({ text }) => text.length });
  }

  find(text: string): Identity | undefined {
    const known = this.#bySignature.get(text.slice(-SIGNATURE_CHARS));
    return known?.text === text ? known.identity : undefined;
  }

  get size(): number {
    return this.#bySignature.size;
  }

  /** Forgets what was not used for longest and expired by `expiredMs`: who goes never shows a ticket again, and would be remembered until there is no room. */
  add(text: string, identity: Identity, expiredMs: number): void {
    for (const entry of this.#bySignature.rentries()) {
      const [signature, { identity: oldest }] = entry as [string, Known];
      if (oldest.expiresAtMs > expiredMs) break;
      this.#bySignature.delete(signature);
    }
    this.#bySignature.set(text.slice(-SIGNATURE_CHARS), { text, identity });
  }

  /** It is not taken any more. */
  forget(text: string): void {
    this.#bySignature.delete(text.slice(-SIGNATURE_CHARS));
  }
}
