// Builds dist/: TypeScript by project references, then the SDK and the demo page by esbuild. Incremental.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { stdio: 'inherit' });
if (existsSync('dist/src/cli/main.js')) chmodSync('dist/src/cli/main.js', 0o755);

const { bundleSdk } = await import('./bundle-sdk.mjs');
const { bundleDemo } = await import('./bundle-demo.mjs');
await Promise.all([bundleSdk(), bundleDemo()]);

process.exitCode = compiled.status ?? 1;
