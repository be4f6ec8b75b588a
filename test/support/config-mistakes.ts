// What a configuration is refused with, as its lines are printed.

import { ConfigError, problemLine } from '../../src/config/config-problem.js';
import { type ConfigInput, loadConfig } from '../../src/config/load-config.js';

/** None where it is good. */
export function mistakes(input: Partial<ConfigInput>): string[] {
  try {
    loadConfig({ role: 'start', env: {}, openFiles: 100_000, ...input });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}
