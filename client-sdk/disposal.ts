// What `using` calls, where the host knows it.

import type { Disposal } from './types.js';

export const disposal = (end: () => void): Disposal => {
  const { dispose } = Symbol as { readonly dispose?: symbol };
  return (dispose ? { [dispose]: end } : {}) as Disposal;
};
