// Runs on `npm ci`: builds where the compiler is installed, else says whether dist/ is there. Without it, it never fails.

import { existsSync } from 'node:fs';

const here = (path) => existsSync(new URL(`../${path}`, import.meta.url));

if (here('node_modules/typescript/bin/tsc') && here('src/tsconfig.json')) {
  await import('./build.mjs');
} else if (here('dist/src/cli/main.js')) {
  console.log('fanfare: no compiler is installed, using dist/ as it is');
} else {
  console.log('fanfare: neither a compiler nor dist/ is here; build it once with: npm ci && npm run build');
}
