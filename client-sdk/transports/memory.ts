// Remembers for a while which transport worked, for other pages of the origin too.

import { REMEMBER_MS } from '../numbers.js';
import type { Settings } from '../settings.js';
import type { StorageLike } from '../types.js';

export interface Memory {
  /** The name that was remembered last; empty when that is too long ago. Whatever wrote there: it may be no name at all. */
  recall(): string;
  /** An empty name forgets. */
  remember(name: string): void;
}

export const createMemory = ({ url, storage, clock }: Settings): Memory => {
  const key = `fanfare:${url}`;
  /** For a page that may store nothing. */
  let kept = '';

  /** What the first storage gives that is there and lets itself be used. */
  const use = (act: (store: StorageLike) => unknown): unknown => {
    for (const find of storage === undefined ? [() => localStorage, () => sessionStorage] : [() => storage]) {
      try {
        const store = find();
        const found = store ? act(store) : null;
        if (found !== null) return found;
      } catch {
        // There is none here, it is forbidden, or it is full.
      }
    }
  };

  return {
    recall() {
      kept = String(use((store) => store.getItem(key)) ?? kept);
      const [name, atMs] = kept.split(' ');
      // Nor is it believed when it claims to come from later.
      return name && Math.abs(clock.now() - Number(atMs)) < REMEMBER_MS ? name : '';
    },
    remember(name) {
      if (!name && !kept) return;
      kept = name && `${name} ${clock.now()}`;
      use((store) => store.setItem(key, kept));
    },
  };
};
