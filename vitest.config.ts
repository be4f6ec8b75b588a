// The test suites, in the order in which scripts/test.mjs runs them.

import { configDefaults, defineConfig } from 'vitest/config';
import Spread from './scripts/test-sequence.mjs';

/**
 * A suite is a folder of test/; `seconds` is when one of its tests is taken for hanging: several times what the slowest of them
 * takes on an idle machine, since no test fails because others keep the cores busy.
 */
function suite(name: string, seconds: number, build: boolean) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      exclude: [...configDefaults.exclude, '**/dist/**'],
      // What a timer throws goes no further; here it is an error of the run.
      setupFiles: ['test/support/faults.ts'],
      testTimeout: seconds * 1000,
      hookTimeout: seconds * 1000,
      // A failure says what it saw, where a log is all that is left of it.
      chaiConfig: { truncateThreshold: 2_000 },
      // A poll waits for an event, and a busy machine may take its time: it ends before its test does, to name what it saw.
      expect: { poll: { timeout: seconds * 500 } },
      ...(build && { globalSetup: ['test/support/fresh-build.ts'] }),
    },
  };
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    // Of tests that run side by side in one file, which mostly wait.
    maxConcurrency: 8,
    pool: 'forks',
    sequence: { sequencer: Spread },
    projects: [
      suite('house', 120, false),
      suite('unit', 60, false),
      suite('conformance', 90, true),
      suite('integration', 180, true),
      suite('browser', 180, true),
      suite('chaos', 420, true),
      suite('compat', 180, true),
    ],
  },
});
