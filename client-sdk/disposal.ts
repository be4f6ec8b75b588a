// What ends a thing: a method of that name, which `using` calls too where the host knows it.

import type { Disposal } from './types.js';

/** Where the host has no symbol for it, there is the method alone. */
export const disposal = (name: string, end: () => void): Disposal => {
  const { dispose = name } = Symbol as { readonly dispose?: string | symbol };
  return { [name]: end, [dispose]: end } as object as Disposal;
};
