// The registry in memory.

import { createMemoryRegistry } from '../../../src/cluster/memory-registry.js';
import { registrySuite } from './registry-suite.js';

registrySuite('the registry in memory', async () => {
  let nowMs = 1_800_000_000_000;
  return {
    registry: createMemoryRegistry({ clock: () => nowMs }),
    async advance(ms) {
      nowMs += ms;
    },
    async close() {},
  };
});
