// The log of revocations in memory.

import { createMemoryRevocations } from '../../../src/cluster/memory-revocations.js';
import { revocationLogSuite } from './revocation-log-suite.js';

revocationLogSuite('the log of revocations in memory', async () => {
  let nowMs = 1_800_000_000_000;
  return {
    log: createMemoryRevocations(() => nowMs),
    async advance(ms) {
      nowMs += ms;
    },
    async close() {},
  };
});
