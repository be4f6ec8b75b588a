// The test suites, in the order in which scripts/test.mjs runs them.

import { configDefaults, defineConfig } from 'vitest/config';

/** A suite is a folder of test/; `seconds` is what one of its tests may take. */
function suite(name: string, seconds: number, build: boolean) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      exclude: [...configDefaults.exclude, '**/dist/**'],
      testTimeout: seconds * 1000,
      hookTimeout: seconds * 1000,
      // A poll waits for an event, and a busy machine may take its time: it ends before its test does, to name what it saw.
      expect: { poll: { timeout: seconds * 500 } },
      ...(build && { globalSetup: ['test/support/fresh-build.ts'] }),
    },
  };
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    pool: 'forks',
    projects: [
      suite('house', 60, false),
      suite('unit', 10, false),
      suite('conformance', 30, true),
      suite('integration', 60, true),
      suite('browser', 90, true),
      suite('chaos', 240, true),
    ],
  },
});
