// Builds dist/ before the suites that run what is shipped; incremental, so quick when nothing has changed.

import { spawnSync } from 'node:child_process';

/** Vitest calls it once per run. scripts/test.mjs has built already and says so. */
export default function setup(): void {
  if (process.env.BUILD_IS_FRESH === '1') return;
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
  if (status !== 0) console.warn('the build failed: tests that run dist/ run an older one');
}
