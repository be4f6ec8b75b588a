// How the suites of others are run: from their own files, with no set-up of ours.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/foreign/*-suite.ts'], testTimeout: 30_000, maxWorkers: 1 },
});
