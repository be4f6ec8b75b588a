// Deletes histories of the memory broker; who has forgotten them is this process, as soon as it says so.

import type { Offset } from '../../protocol/index.js';
import type { Erasure, HistoryEraser } from '../eraser.js';

/** Chosen: more than are deleted at the same time. */
const MAX_FORGOTTEN = 1_000;

export class MemoryEraser implements HistoryEraser {
  readonly #erase: (channel: string) => Erasure;
  /** By channel: the last that was forgotten, and by whom; the oldest first. */
  readonly #forgotten = new Map<string, { readonly begin: Offset; readonly node: string }>();

  constructor(erase: (channel: string) => Erasure) {
    this.#erase = erase;
  }

  async erase(channel: string): Promise<Erasure> {
    return this.#erase(channel);
  }

  async forgot(channel: string, begin: Offset, node: string): Promise<void> {
    this.#forgotten.delete(channel);
    this.#forgotten.set(channel, { begin, node });
    if (this.#forgotten.size <= MAX_FORGOTTEN) return;
    for (const oldest of this.#forgotten.keys()) {
      this.#forgotten.delete(oldest);
      return;
    }
  }

  async whoForgot(channel: string, begin: Offset): Promise<readonly string[]> {
    const known = this.#forgotten.get(channel);
    return known !== undefined && known.begin >= begin ? [known.node] : [];
  }
}
