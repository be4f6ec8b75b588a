// Tickets that have been verified, known again by their text: the one place that remembers them, and forgets them.

import { LRUCache } from 'lru-cache';
import type { Identity } from './identity.js';

/** Of HMAC-SHA256 in base64url. */
const SIGNATURE_CHARS = 43;

/** Chosen: so much older than another a ticket may look that was used as lately. */
const LATELY_MS = 1_000;

interface Known {
  readonly text: string;
  readonly identity: Identity;
  /** When it was put before all others; unix milliseconds. */
  usedAtMs: number;
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

  find(text: string, nowMs: number): Identity | undefined {
    const signature = text.slice(-SIGNATURE_CHARS);
    const known = this.#bySignature.peek(signature);
    if (known?.text !== text) return undefined;
    // To put it first takes longer than to find it.
    if (Math.abs(nowMs - known.usedAtMs) >= LATELY_MS) {
      known.usedAtMs = nowMs;
      this.#bySignature.get(signature);
    }
    return known.identity;
  }

  get size(): number {
    return this.#bySignature.size;
  }

  /** Forgets what was not used for longest and expired by `expiredMs`: who goes never shows a ticket again, and would be remembered until there is no room. */
  add(text: string, identity: Identity, nowMs: number, expiredMs: number): void {
    for (const entry of this.#bySignature.rentries()) {
      const [signature, { identity: oldest }] = entry as [string, Known];
      if (oldest.expiresAtMs > expiredMs) break;
      this.#bySignature.delete(signature);
    }
    this.#bySignature.set(text.slice(-SIGNATURE_CHARS), { text, identity, usedAtMs: nowMs });
  }

  /** It is not taken any more. */
  forget(text: string): void {
    this.#bySignature.delete(text.slice(-SIGNATURE_CHARS));
  }
}
